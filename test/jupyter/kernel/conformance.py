"""Jupyter's own conformance tests (pip: jupyter_kernel_test), every test of their classes that applies to this kernel.

Runs against the kernel whose kernelspec is called "workbook" on JUPYTER_PATH: python conformance.py
"""

import unittest

import jupyter_kernel_test

KERNEL = "workbook"


class Conformance(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL
    language_name = "typescript"
    file_extension = ".ts"

    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('hello, stderr')"
    code_generate_error = "throw new RangeError('too far')"
    code_page_something = "page('a long text')"
    code_clear_output = "clearOutput()"
    code_inspect_sample = "Math.max"

    completion_samples = [
        {"text": "Math.hyp", "matches": {"hypot"}},
        {"text": "JSON.str", "matches": {"stringify"}},
    ]

    complete_code_samples = ["1 + 1", "const a = 1;", "function f() { return 2; }", "await Promise.resolve(1)", ""]
    incomplete_code_samples = ["function f() {", "const a = [", "`open", "if (true) {\n  1;"]
    invalid_code_samples = ["const = 3", "f)(", "1 +* 2"]

    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'needle'", "result": "'needle'"},
        {"code": "await Promise.resolve([1, 2])", "result": "[ 1, 2 ]"},
        {"code": "'needle' + 1", "result": "'needle1'"},
        {"code": "'needle' + 2", "result": "'needle2'"},
    ]
    code_display_data = [
        {"code": "import { display } from 'workbook/display'; display({ 'text/html': '<b>x</b>' }); 0", "mime": "text/html"},
    ]

    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "*needle'"


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = KERNEL
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
