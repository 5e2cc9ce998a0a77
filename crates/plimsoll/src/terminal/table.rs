use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::page::{cut, printable};

/// Spaces between two columns.
const GAP: &str = "  ";
/// Columns that the flexible column keeps however narrow the page is.
const FLEXIBLE_WIDTH_MIN: usize = 10;

/// Rows of text in aligned columns. The last column takes what room is left, and is cut there.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    has_titles: bool,
}

/// A column's title, and to which side its cells lean.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Words.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), has_titles: true }
    }

    /// Leaves the titles out, as for rows that follow others on the screen. They keep the columns as wide.
    pub(crate) fn without_titles(self) -> Self {
        Self { has_titles: false, ..self }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it has not as many cells as there are columns.
    pub(crate) fn row<const N: usize>(&mut self, cells: [impl AsRef<str>; N]) {
        assert_eq!(N, self.columns.len(), "one cell for each column");
        self.rows.push(cells.into_iter().map(|cell| printable(cell.as_ref())).collect());
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn draw(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let bold = Style::new().bold();
        let titles: Vec<String> = self.columns.iter().map(|column| column.title().to_owned()).collect();
        let mut text = String::new();
        if self.has_titles {
            text.push_str(&format!("{bold}{}{bold:#}\n", self.draw_row(&titles, &widths)));
        }
        for row in &self.rows {
            text.push_str(&self.draw_row(row, &widths));
            text.push('\n');
        }
        text
    }

    fn draw_row(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(&self.columns).zip(widths).map(|((cell, column), width)| {
            let cell = cut(cell, *width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match column {
                Column::Left(_) => format!("{cell}{padding}"),
                Column::Right(_) => format!("{padding}{cell}"),
            }
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }

    fn widths(&self, page: Option<usize>) -> Vec<usize> {
        let natural = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| row[at].width());
            cells.chain([column.title().width()]).max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(natural).collect();
        if let (Some(page), Some((last, others))) = (page, widths.split_last_mut()) {
            let taken = others.iter().sum::<usize>() + GAP.len() * others.len();
            *last = (*last).min(page.saturating_sub(taken).max(FLEXIBLE_WIDTH_MIN));
        }
        widths
    }
}

impl Column {
    fn title(self) -> &'static str {
        let (Self::Left(title) | Self::Right(title)) = self;
        title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_gives_way() {
        let mut table = Table::new(&[Column::Right("#"), Column::Left("WHAT")]);
        table.row(["1", "a long instruction that does not fit"]);
        table.row(["20", "short"]);
        let narrow = anstream::adapter::strip_str(&table.draw(Some(20))).to_string();
        assert_eq!(narrow, " #  WHAT\n 1  a long instruct…\n20  short\n");
        assert!(table.draw(None).contains("that does not fit"));
    }
}
