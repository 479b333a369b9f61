"""docs/environment.md: its examples run, one after another, and print what stands below them."""

import pathlib
import platform
import re

import pytest

pytest.importorskip('gymnasium')

_PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'environment.md'


@pytest.mark.skipif(platform.machine() != 'x86_64', reason='touch was printed on x86_64')
def test_the_examples_of_the_page_print_what_it_says(capsys):
  names = {}
  examples = re.findall(r'```python\n(.*?)```', _PAGE.read_text(), re.DOTALL)
  assert len(examples) == 6
  for example in examples:
    exec(compile(example, str(_PAGE), 'exec'), names)
    expected = re.findall(r'^# (.*)$', example, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == expected
