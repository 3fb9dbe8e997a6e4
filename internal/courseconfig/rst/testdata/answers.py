"""Write answers.json: what docutils makes of every snippet of snippets.txt.

Needs docutils and Pygments. Run it in this folder after changing the snippets,
which lines of four percent signs separate. Ids count as docutils 0.17 did.
"""
import json

from docutils.core import publish_parts
from docutils.parsers.rst import roles

SETTINGS = {
    "auto_id_prefix": "id",
    "file_insertion_enabled": False,
    "halt_level": 5,
    "report_level": 2,
    "warning_stream": False,
    "_disable_config": True,
}

with open("snippets.txt", encoding="utf-8") as f:
    snippets = f.read().split("%%%%\n")
answers = []
for source in snippets:
    roles._roles.clear()  # those that the text before has defined
    parts = publish_parts(source, writer_name="html", settings_overrides=SETTINGS)
    answers.append({"source": source, "html": parts["fragment"]})
with open("answers.json", "w", encoding="utf-8") as out:
    json.dump(answers, out, indent=1, ensure_ascii=False)
    out.write("\n")
