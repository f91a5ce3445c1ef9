"""The whole pipeline on this machine: `cali demo`."""
