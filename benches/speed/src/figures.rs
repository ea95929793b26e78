//! What was measured, and how it is shown.

use std::fmt::Write as _;

/// One thing that was measured, in several runs, ours and a peer's in turn.
pub(crate) struct Figure {
    /// What, with its unit.
    pub(crate) what: String,
    pub(crate) ours: Vec<f64>,
    /// What was measured in the same runs for comparison.
    pub(crate) peers: Vec<(String, Vec<f64>)>,
    /// What is to be reached, in words.
    pub(crate) goal: &'static str,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, goal: &'static str) -> Self {
        Self { what: what.into(), ours: Vec::new(), peers: Vec::new(), goal }
    }

    /// Adds what one run of `who` gave; of ours if that is nobody.
    pub(crate) fn push(&mut self, who: &str, value: f64) {
        if who.is_empty() {
            return self.ours.push(value);
        }
        match self.peers.iter_mut().find(|(name, _)| name == who) {
            Some((_, values)) => values.push(value),
            None => self.peers.push((who.to_owned(), vec![value])),
        }
    }

    /// The figure on a line of its own.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{}: {}", self.what, spread(&self.ours));
        for (name, values) in &self.peers {
            let _ = write!(line, "; {name} {} ({})", spread(values), ratio(&self.ours, values));
        }
        line
    }

    /// `figures` with the rows that they belong to, as a table of Markdown.
    pub(crate) fn table(figures: &[(&str, Self)]) -> String {
        let mut table = String::from(
            "| row | measure | mayfly | peer | peer's | ratio | goal |\n|---|---|---|---|---|---|---|\n",
        );
        for (row, figure) in figures {
            let Self { what, ours, peers, goal } = figure;
            let own = format!("| {row} | {what} | {} |", spread(ours));
            if peers.is_empty() {
                let _ = writeln!(table, "{own} | | | {goal} |");
            }
            for (name, values) in peers {
                let (theirs, ratio) = (spread(values), ratio(ours, values));
                let _ = writeln!(table, "{own} {name} | {theirs} | {ratio} | {goal} |");
            }
        }
        table
    }
}

/// The median of the ratios of what was measured in turn.
fn ratio(ours: &[f64], theirs: &[f64]) -> String {
    let ratios: Vec<f64> = std::iter::zip(ours, theirs).map(|(our, their)| our / their).collect();
    format!("{}×", short(median(&ratios)))
}

/// Median, least and most.
fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values.len() {
        0 => "–".to_owned(),
        1 => short(values[0]),
        _ => format!("{} ({}–{})", short(median(values)), short(least), short(most)),
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length => (sorted[(length - 1) / 2] + sorted[length / 2]) / 2.0,
    }
}

/// The value that so many of a hundred do not exceed.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// With three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
