//! The text format of Prometheus: a line a series.

use std::fmt::Write as _;

use super::table::Type;
use crate::meter::Distribution;

/// The labels of an object that all its series have, as they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(String);

impl Labels {
    /// These names with these values.
    pub(super) fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        let mut text = String::new();
        for (name, value) in pairs {
            push(&mut text, name, value);
        }
        Self(text)
    }
}

/// Where the series of one metric go: of one object or of all there is.
pub struct Lines<'a> {
    pub(super) name: &'static str,
    /// What its labels are called, beside those in `base`.
    pub(super) labels: &'static [&'static str],
    /// What all of its series have.
    pub(super) base: &'a Labels,
    pub(super) page: &'a mut String,
}

/// What the text says of a metric before its series.
pub(super) fn head(page: &mut String, name: &str, of: Type, help: &str) {
    // No help of ours has a line break or a backslash in it, which would have to be escaped.
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {of}");
}

impl Lines<'_> {
    /// One series: the values of the labels, in the order of their names, and its own. Labels that
    /// are left out at the end are not there.
    pub(super) fn put(&mut self, labels: &[&str], value: f64) {
        self.line("", labels, None, value);
    }

    /// The series that says something by its labels alone.
    pub(super) fn info(&mut self, labels: &[&str]) {
        self.put(labels, 1.0);
    }

    /// One series if there is a value.
    pub(super) fn put_some(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.put(&[], value);
        }
    }

    /// A series for each of `states`, of which `state` is 1.
    pub(super) fn put_states(&mut self, states: &[&str], state: &str) {
        for one in states {
            self.put(&[one], f64::from(u8::from(*one == state)));
        }
    }

    /// The series of a histogram.
    pub(super) fn histogram(&mut self, labels: &[&str], shown: &Distribution) {
        let count = float(shown.count);
        for (bound, upto) in &shown.buckets {
            self.line("_bucket", labels, Some(&bound.to_string()), float(*upto));
        }
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, shown.sum);
        self.line("_count", labels, None, count);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: f64) {
        let page = &mut *self.page;
        page.push_str(self.name);
        page.push_str(suffix);
        let begin = page.len();
        page.push('{');
        page.push_str(&self.base.0);
        for (name, value) in self.labels.iter().zip(labels) {
            push(page, name, value);
        }
        if let Some(bound) = bound {
            push(page, "le", bound);
        }
        match page.pop() {
            // After the last of the labels.
            Some(',') => page.push('}'),
            _ => page.truncate(begin),
        }
        let _ = writeln!(page, " {value}");
    }
}

/// Adds `name="value",`.
fn push(page: &mut String, name: &str, value: &str) {
    page.push_str(name);
    page.push_str("=\"");
    // Hardly any has what must be escaped.
    if value.contains(['\\', '"', '\n']) {
        for character in value.chars() {
            match character {
                '\\' => page.push_str("\\\\"),
                '"' => page.push_str("\\\""),
                '\n' => page.push_str("\\n"),
                other => page.push(other),
            }
        }
    } else {
        page.push_str(value);
    }
    page.push_str("\",");
}

/// Exact up to 2^53, as every number is that Prometheus keeps.
#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps all numbers so")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_labels_and_its_value() {
        let mut page = String::new();
        let base = Labels::of([("namespace", "a")]);
        let mut lines = Lines { name: "m", labels: &["b", "c"], base: &base, page: &mut page };
        lines.put(&["x\\\"\n", "y"], 0.5);
        lines.put(&[], 1e21);
        let mut bare =
            Lines { name: "n", labels: &["b"], base: &Labels::default(), page: &mut page };
        bare.put(&[], 3.0);
        let shown = Distribution { buckets: vec![(0.005, 1), (10.0, 2)], count: 3, sum: 70.25 };
        bare.histogram(&["x"], &shown);
        bare.histogram(&[], &Distribution { buckets: Vec::new(), count: 0, sum: 0.0 });
        assert_eq!(
            page,
            "m{namespace=\"a\",b=\"x\\\\\\\"\\n\",c=\"y\"} 0.5\n\
             m{namespace=\"a\"} 1000000000000000000000\n\
             n 3\n\
             n_bucket{b=\"x\",le=\"0.005\"} 1\n\
             n_bucket{b=\"x\",le=\"10\"} 2\n\
             n_bucket{b=\"x\",le=\"+Inf\"} 3\n\
             n_sum{b=\"x\"} 70.25\n\
             n_count{b=\"x\"} 3\n\
             n_bucket{le=\"+Inf\"} 0\n\
             n_sum 0\n\
             n_count 0\n"
        );
    }
}
