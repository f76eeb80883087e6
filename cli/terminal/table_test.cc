// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/table.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation::cli {
namespace {

TEST(TableTest, AlignsColumns) {
  Table table({"A", "LONG HEADER", "C"});
  table.AddRow({"value", "x", "last"});
  table.AddRow({"grün", "y"});
  EXPECT_EQ(table.Render(),
            "A      LONG HEADER  C\n"
            "value  x            last\n"
            "grün   y\n");
}

TEST(TableTest, HeaderAloneIsOneLine) {
  EXPECT_EQ(Table({"A", "B"}).Render(), "A  B\n");
}

TEST(TableTest, DropsSurplusCells) {
  Table table({"A"});
  table.AddRow({"x", "surplus"});
  EXPECT_EQ(table.Render(), "A\nx\n");
}

TEST(TableTest, EmptyRowIsAnEmptyLine) {
  Table table({"A", "B"});
  table.AddRow({});
  EXPECT_EQ(table.Render(), "A  B\n\n");
}

TEST(TableTest, CellsCannotSteerTheTerminal) {
  Table table({"NODE"});
  table.AddRow({"a\x1b[2Jb\nfake  row"});
  EXPECT_EQ(table.Render(), "NODE\na?[2Jb?fake  row\n");
}

TEST(PrintableTest, ControlCharactersAreHarmless) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
  EXPECT_EQ(Printable(std::string("\0x", 2)), "?x");
  EXPECT_EQ(Printable("\xC2\x80\xC2\x9B\xC2\x9F"), "???");  // C1, e.g. CSI
  EXPECT_EQ(Printable("\xC2\xA0"), "\xC2\xA0");             // the first after
}

TEST(PrintableTest, KeepsTextOfEveryLength) {
  EXPECT_EQ(Printable("a ü € 😀"), "a ü € 😀");
  EXPECT_EQ(Printable("\xED\x9F\xBF\xEE\x80\x80"), "\xED\x9F\xBF\xEE\x80\x80");
  EXPECT_EQ(Printable("\xE0\xA0\x80"), "\xE0\xA0\x80");
  EXPECT_EQ(Printable("\xF0\x90\x80\x80"), "\xF0\x90\x80\x80");
  EXPECT_EQ(Printable("\xF4\x8F\xBF\xBF"), "\xF4\x8F\xBF\xBF");
  EXPECT_EQ(Printable(""), "");
}

TEST(PrintableTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(Printable("\xFFok\xE2\x82"), "?ok??");  // cut
  EXPECT_EQ(Printable("\xE2(\xA1"), "?(?");         // no continuation
  EXPECT_EQ(Printable("\xC0\x9B"), "??");           // overlong, two bytes
  EXPECT_EQ(Printable("\xF5\x80\x80\x80"), "????");
}

// RFC 3629, section 3: a lenient terminal could read a control out of these.
TEST(PrintableTest, ReplacesOverlongFormsAndSurrogates) {
  EXPECT_EQ(Printable("\xE0\x82\x9B"), "???");       // U+009B in three bytes
  EXPECT_EQ(Printable("\xF0\x80\x82\x9B"), "????");  // in four
  EXPECT_EQ(Printable("\xED\xA0\x80"), "???");       // U+D800
  EXPECT_EQ(Printable("\xF4\x90\x80\x80"), "????");  // U+110000
}

// A report as XML would not be read by anybody.
TEST(PrintableTest, ReplacesWhatXmlForbids) {
  EXPECT_EQ(Printable("a\xEF\xBF\xBE\xEF\xBF\xBF"), "a??");
  EXPECT_EQ(Printable("\xEF\xBF\xBD"), "\xEF\xBF\xBD");
}

TEST(XmlEscapeTest, LeavesNoMarkup) {
  EXPECT_EQ(XmlEscape("<a b=\"c\">&</a>"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&lt;/a&gt;");
  EXPECT_EQ(XmlEscape("a'b \x1b[2J\xFF"), "a'b ?[2J?");
  EXPECT_EQ(XmlEscape(""), "");
}

TEST(ShortenTest, CutsOnlyWhatGetsShorterByIt) {
  EXPECT_EQ(Shorten("abc", 3), "abc");
  EXPECT_EQ(Shorten("abcde", 3), "abcde");
  EXPECT_EQ(Shorten("abcdef", 3), "abc..");
  EXPECT_EQ(Shorten("", 0), "");
}

TEST(DisplayWidthTest, CountsCodePoints) {
  EXPECT_EQ(DisplayWidth(""), 0U);
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("ü€😀"), 3U);
}

}  // namespace
}  // namespace constellation::cli
