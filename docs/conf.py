"""The settings of the site, for Sphinx; notebooks/builder/site.py lays out what it reads: make site."""

import stn_tutorial

project = "Spatial transformers, step by step"
html_title = project
author = "The stn-tutorial authors"
project_copyright = author
version = release = stn_tutorial.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.apidoc", "builder.rendering"]
exclude_patterns = ["api/modules.rst"]

# notebooks are shown as they were run; Markdown reads as on a code host
nb_execution_mode = "off"
nb_render_markdown_format = "myst"  # tables that a cell prints are tables
nb_code_prompt_show = "Set-up: the package, the data"
nb_code_prompt_hide = nb_code_prompt_show
myst_enable_extensions = ["dollarmath", "amsmath", "html_image"]
myst_heading_anchors = 3

# the reference: a page for each package, from the docstrings
apidoc_modules = [{"path": "../stn_tutorial", "destination": "api", "max_depth": 1, "automodule_options": {"members"}}]
apidoc_module_first = True
autodoc_default_options = {"ignore-module-all": True, "member-order": "bysource"}
default_role = "code"
add_module_names = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
templates_path = ["_templates"]
html_math_renderer = "mathml"
html_use_index = html_domain_indices = False  # the search finds names, too
html_copy_source = False
html_scaled_image_link = False  # README has its own links around its pictures
html_show_search_summary = False  # it would read other pages, which a browser forbids where the site is a folder
html_show_sphinx = False
html_show_copyright = False
