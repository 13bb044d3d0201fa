"""Renders templates with jinja2, set up as transformers sets it up for chat templates.

Reads a JSON file of jobs {"template", "row", "types"} and prints for each {"text"} or {"error"}.
"""

import json
import sys

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def cell(value, kind):
    if value is None:
        return None
    return {"float": float, "int": int}.get(kind, lambda same: same)(value)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception

with open(sys.argv[1], encoding="utf-8") as file:
    jobs = json.load(file)
results = []
for job in jobs:
    types = job["types"]
    row = {name: cell(value, types[name]) for name, value in job["row"].items()}
    try:
        text = environment.from_string(job["template"]).render(**row)
        text.encode("utf-8")
        results.append({"text": text})
    except Exception as error:
        results.append({"error": f"{type(error).__name__}: {error}"})
print(json.dumps(results))
