"""Renders formulas as MathML, which browsers draw by themselves: nothing is fetched."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

_STYLE = 'margin: 1em 0; overflow-x: auto; text-align: center'


def _visit_inline(translator: nodes.NodeVisitor, node: nodes.math) -> None:
  translator.body.append(tex2mathml(node.astext()))
  raise nodes.SkipNode


def _visit_block(translator: nodes.NodeVisitor, node: nodes.math_block) -> None:
  # Sphinx takes the parts of a formula that a blank line divides for formulas of their own.
  for part in filter(None, map(str.strip, node.astext().split('\n\n'))):
    translator.body.append(f'<div style="{_STYLE}">{tex2mathml(part, as_block=True)}</div>\n')
  raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
  """Enters the renderer, as `html_math_renderer` names it."""
  app.add_html_math_renderer('mathml', (_visit_inline, None), (_visit_block, None))
  return {'parallel_read_safe': True, 'parallel_write_safe': True}
