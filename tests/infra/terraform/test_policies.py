"""What the roles may do, read from a plan: the documents that AWS would get."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests_terraform import Terraform, copied  # placeholder
