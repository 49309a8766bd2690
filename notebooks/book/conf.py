"""How Sphinx makes the site; its pages are put together by companion/book/."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "ADC: a reproducible companion"
html_title = "ADC, a companion"
extensions = ["myst_nb", "sphinx-mathjax-offline", "crossref", "offline_search"]

nb_execution_mode = "off"  # the pages show what was executed for them, and nothing else
nb_code_prompt_show, nb_code_prompt_hide = "Code", "Code"  # folded
nb_render_markdown_format = "myst"
nb_ipywidgets_js = {}  # they would come from the network
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would fetch its parts from the network

html_theme = "sphinx_book_theme"
html_static_path, templates_path = ["_static"], ["_templates"]
html_css_files, html_js_files = ["style.css"], ["site.js"]
html_use_index = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_context = {"default_mode": "auto"}  # the theme knows no other and complains where it is not said
html_theme_options = {
    "footer_content_items": [],
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
