#!/bin/bash
# Makes one HTML page of every text in chapters/. A real course would run
# Sphinx here, usually in the image that apps.meta names.
set -euo pipefail
rm -rf _build
mkdir -p _build
cp style.css _build/
for text in chapters/*.txt; do
	name=$(basename "$text" .txt)
	title=$(head -n 1 "$text")
	echo "writing _build/$name.html: $title"
	{
		echo '<!DOCTYPE html>'
		echo "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>$title</title>"
		echo '<link rel="stylesheet" href="style.css"></head><body>'
		echo "<div class=\"entry-content\"><h1>$title</h1>"
		tail -n +3 "$text"
		echo '</div></body></html>'
	} > "_build/$name.html"
done
echo "changed files: $CHANGED_FILES"
