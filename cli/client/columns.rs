//! Texts in columns, with the widths of Go's tab writer, which kubectl uses.
//!
//! Pure. A cell that a tab ends belongs to a column; what stands after a line's last tab does not.

/// How wide columns are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// A column's least width, padding included.
    pub(super) width_min: usize,
    /// Spaces after the widest cell.
    pub(super) padding: usize,
}

/// That of `kubectl get`.
pub(super) const TABLE: Layout = Layout { width_min: 6, padding: 3 };
/// That of `kubectl describe`.
pub(super) const DESCRIPTION: Layout = Layout { width_min: 0, padding: 2 };

/// `text` with its tabs made spaces. A column ends at the first line that has no cell in it.
pub(super) fn align(text: &str, layout: Layout) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut line = 0;
        while line < lines.len() {
            let block = lines[line..].iter().take_while(|cells| cells.len() - 1 > column).count();
            let cells = lines[line..line + block].iter().map(|cells| cells[column]);
            let width = width_of(cells, layout);
            for widths in &mut widths[line..line + block] {
                widths[column] = width;
            }
            line += block.max(1);
        }
    }
    let mut aligned = String::with_capacity(text.len() * 2);
    for (cells, widths) in lines.iter().zip(&widths) {
        aligned += &padded(cells, widths);
        aligned.push('\n');
    }
    aligned
}

/// Columns whose rows come bit by bit and stay under each other: widths never shrink.
pub(super) struct Columns {
    layout: Layout,
    widths: Vec<usize>,
}

impl Columns {
    /// Those of a table of which nothing is seen yet.
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, widths: Vec::new() }
    }

    /// `rows` as lines.
    pub(super) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        let columns = rows.iter().map(|cells| cells.len().saturating_sub(1)).max().unwrap_or(0);
        self.widths.resize(columns.max(self.widths.len()), 0);
        for (column, known) in self.widths.iter_mut().enumerate() {
            let cells = rows.iter().filter(|cells| cells.len() - 1 > column);
            let width = width_of(cells.map(|cells| cells[column].as_str()), self.layout);
            *known = width.max(*known);
        }
        rows.iter().map(|cells| padded(cells, &self.widths) + "\n").collect()
    }
}

fn width_of<'a>(cells: impl Iterator<Item = &'a str>, layout: Layout) -> usize {
    let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
    (widest + layout.padding).max(layout.width_min)
}

fn padded(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref();
        line += cell;
        if index + 1 < cells.len() {
            let width = widths.get(index).copied().unwrap_or(0);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_as_kubectl_does_it() {
        let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
        };
        let mut columns = Columns::new(TABLE);
        let first = columns.lines(&rows(&[&["NAME", "STATUS", "AGE"], &["pi", "Complete", "10s"]]));
        assert_eq!(first, "NAME   STATUS     AGE\npi     Complete   10s\n");
        let later = columns.lines(&rows(&[&["a-longer-name", "x", "1s"]]));
        assert_eq!(later, "a-longer-name   x          1s\n");
        let last = columns.lines(&rows(&[&["é", "", "1s"]]));
        assert_eq!(last, "é                          1s\n");
        assert_eq!(Columns::new(TABLE).lines(&rows(&[&["A", "B"]])), "A     B\n");
    }

    #[test]
    fn a_block_of_a_description_ends_where_the_column_does() {
        let text = "Name:\tx\nLabels:\ta=b\n\tc=d\nTemplate:\n  A:\t1\n  Long:\t2\nEnd:\tx \t y\n";
        let expect = "Name:    x\nLabels:  a=b\n         c=d\nTemplate:\n  A:     1\n  Long:  2\nEnd:     x    y\n";
        assert_eq!(align(text, DESCRIPTION), expect);
    }
}
