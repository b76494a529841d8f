"""Writes every generated file that is not as it should be, and removes strays."""

from docs.generate import ROOT, files, strays

for path, text in files().items():
    target = ROOT / path
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
for path in strays():
    (ROOT / path).unlink()
    print(f"removed {path}")
