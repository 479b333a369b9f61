"""How Sphinx builds the site: `make docs`, without a network; what it writes needs none either."""

import pathlib
import sys

_DOCS = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(_DOCS / 'extensions'), str(_DOCS.parent)]

from mese_env import __version__  # noqa: E402, of the checkout that was just put on the path

project = 'gmn_jax'
author = 'the authors of gmn_jax'
release = __version__

extensions = [
  'myst_nb',
  'sphinx.ext.autodoc',
  'sphinx.ext.napoleon',
  'links',
  'generated',
  'mathml',
]
root_doc = 'index'
exclude_patterns = ['build', 'extensions', '**/.*']
highlight_language = 'none'
# Between single backticks, docstrings have code.
default_role = 'code'

html_theme = 'sphinx_book_theme'
html_title = 'gmn_jax'
html_static_path = ['static']
html_css_files = ['site.css']
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
  'show_toc_level': 2,
  'use_download_button': False,
  'use_fullscreen_button': False,
}
# In place of MathJax, which a page would have to fetch.
html_math_renderer = 'mathml'

myst_enable_extensions = ['colon_fence', 'deflist', 'dollarmath']
myst_fence_as_directive = ['math']
# Links to headings are GitHub's, so that they lead there too.
myst_heading_anchors = 6
# Notebooks are shown as they were executed; tests execute them.
nb_execution_mode = 'off'

autodoc_member_order = 'bysource'
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
