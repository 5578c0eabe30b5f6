"""Runs notebooks in the kernel "workbook" with nbclient and prints what came of each: python run_notebooks.py NOTEBOOK..."""

import json
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def run(file):
    notebook = nbformat.read(file, as_version=4)
    try:
        NotebookClient(notebook, kernel_name="workbook", timeout=60).execute()
        raised = {}
    except CellExecutionError as error:
        raised = {"ename": error.ename, "evalue": error.evalue}
    return {**raised, "counts": [cell.execution_count for cell in notebook.cells]}


print(json.dumps([run(file) for file in sys.argv[1:]]))
