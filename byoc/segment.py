"""Region: what a vendor sees of a part of the model, be it a candidate or a whole segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from byoc.partition.facts import group_facts, op_facts, tensor
from byoc.partition.graph import Graph, Kind
from byoc.partition.outline import region_function
from byoc.partition.plan import Candidate
from byoc.support.facts import Attribute, Facts, Tensor
