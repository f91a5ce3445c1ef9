"""Pure rules: values in, values out. Time is an argument."""
