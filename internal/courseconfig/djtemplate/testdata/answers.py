"""Write answers.json: what Django makes of every case of cases.yaml.

Needs Django and PyYAML. Run it in this folder after changing cases.yaml. A null
answer means that Django refused the template or failed while rendering it.
"""
import json

import django
import yaml
from django.conf import settings
from django.template import Context, Engine

settings.configure(USE_TZ=True, USE_I18N=True, USE_L10N=True, TIME_ZONE="UTC", LANGUAGE_CODE="en-us")
django.setup()

engine = Engine()
answers = []
with open("cases.yaml", encoding="utf-8") as source:
    cases = yaml.safe_load(source)
for name, group in cases["groups"].items():
    for template in group:
        context = yaml.safe_load(cases["context"])
        try:
            answer = engine.from_string(template).render(Context(context))
        except Exception:
            answer = None
        answers.append({"group": name, "template": template, "answer": answer})
with open("answers.json", "w", encoding="utf-8") as out:
    json.dump(answers, out, indent=1)
    out.write("\n")
