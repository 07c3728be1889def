"""The page and the picture, drawn from a recording that is known: whole, self-contained, complete."""

import html.parser
import json
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree

SAMPLE = os.environ["DEMO_SAMPLE"]
VOID = {"meta", "input", "br", "hr", "img", "link", "rect", "line", "circle", "path"}


def drawn(what):
    return subprocess.run([SAMPLE, what], check=True, capture_output=True).stdout.decode()


class Reader(html.parser.HTMLParser):
    """Collects what stands in the page, and insists that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.attributes = []
        self.data = ""
        self.errors = []

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append((tag, self.getpos()))

    def handle_data(self, data):
        if self.attributes[-1:] and self.attributes[-1][1].get("id") == "recording":
            self.data += data


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = drawn("page")
        cls.recording = json.loads(drawn("json"))
        cls.reader = Reader()
        cls.reader.feed(cls.text)
        cls.reader.close()

    def test_is_well_formed(self):
        self.assertEqual(self.reader.errors, [])
        self.assertEqual(self.reader.open, [])
        identities = [a["id"] for _, a in self.reader.attributes if "id" in a]
        self.assertEqual(len(identities), len(set(identities)))

    def test_needs_nothing_from_elsewhere(self):
        self.assertNotRegex(self.text, r"https?:|//\w+\.\w|@import|<link|<iframe")
        for tag, attributes in self.reader.attributes:
            self.assertFalse({"src", "href"} & set(attributes), tag)
        for target in re.findall(r"url\(([^)]*)\)", self.text):
            self.assertTrue(target.startswith("#"), target)

    def test_every_field_is_filled(self):
        self.assertNotIn("{{", self.text)

    def test_carries_every_event(self):
        data = json.loads(self.reader.data)
        self.assertEqual(data["events"], self.recording["events"])
        self.assertEqual(data["acts"], self.recording["acts"])

    def test_draws_every_event_that_begins_something(self):
        drawn_events = {int(a["data-i"]) for _, a in self.reader.attributes if "data-i" in a}
        begins = {"holding", "killed", "stopped", "refused", "wiped", "unplugged"}
        missing = [event for number, event in enumerate(self.recording["events"])
                   if event["what"] in begins and number not in drawn_events]
        self.assertEqual(missing, [])

    def test_the_two_beats_are_there(self):
        refused = next(e for e in self.recording["events"] if e["what"] == "refused")
        self.assertIn(f"stale write refused: token {refused['token']} &lt; {refused['largest']}", self.text)
        self.assertIn("NO MAJORITY", self.text)

    def test_texts_are_escaped(self):
        self.assertIn("The holder is killed &lt;at once&gt;.", self.text)
        self.assertNotIn("<at once>", self.text)

    def test_has_words_for_those_who_do_not_see(self):
        self.assertIn("<desc id='picture-words'>", self.text)
        self.assertIn("lang=\"en\"", self.text)
        focusable = [a for tag, a in self.reader.attributes if a.get("tabindex") == "0" and "data-i" in a]
        self.assertTrue(focusable)


class Picture(unittest.TestCase):
    def test_is_xml_of_its_own_and_small(self):
        text = drawn("picture")
        root = xml.etree.ElementTree.fromstring(text)
        self.assertTrue(root.tag.endswith("svg"))
        self.assertLess(len(text), len(drawn("page")))
        self.assertIn("prefers-color-scheme: dark", text)


if __name__ == "__main__":
    unittest.main()
