//! The text, a piece at a time: of ten thousand pods it has tens of megabytes.

use std::slice;

use super::lines::{Labels, Lines, head};
use super::snapshot::Snapshot;
use super::table::{METRICS, Metric, Of};
use crate::limits::LIST_PIECE_BYTES;

/// The text of a snapshot, in pieces of about 64 KiB.
pub struct Pieces {
    snapshot: Snapshot,
    /// Which metrics are written.
    is_wanted: fn(Of) -> bool,
    groups: slice::Iter<'static, &'static [Metric]>,
    metrics: slice::Iter<'static, Metric>,
    /// The one that is being written, and how many objects it has behind it.
    current: Option<(&'static Metric, usize)>,
}

impl Pieces {
    /// All that `snapshot` has to say.
    pub fn all(snapshot: Snapshot) -> Self {
        Self::some(snapshot, |_| true)
    }

    /// What the kubelet says at `/metrics/resource`: what runs, and what has run.
    pub fn of_node(snapshot: Snapshot) -> Self {
        Self::some(snapshot, |of| matches!(of, Of::Running(_) | Of::Usage(_)))
    }

    fn some(snapshot: Snapshot, is_wanted: fn(Of) -> bool) -> Self {
        let (groups, metrics) = (METRICS.iter(), [].iter());
        Self { snapshot, is_wanted, groups, metrics, current: None }
    }

    /// The next metric.
    fn begin(&mut self, piece: &mut String) -> Option<(&'static Metric, usize)> {
        loop {
            match self.metrics.next() {
                Some(metric) if (self.is_wanted)(metric.read) => {
                    head(piece, metric.name, metric.of, metric.help);
                    return Some((metric, 0));
                }
                Some(_) => {}
                None => self.metrics = self.groups.next()?.iter(),
            }
        }
    }

    /// Writes series of `metric` from the object at `place` on; where it goes on, if that is not all.
    fn write(&self, metric: &Metric, place: usize, piece: &mut String) -> Option<usize> {
        let (it, objects) = (&self.snapshot, &self.snapshot.objects);
        match metric.read {
            Of::Job(each) => write_each(metric, &objects.jobs, |it| each(it.0, it.1), place, piece),
            Of::CronJob(each) => {
                write_each(metric, &objects.cron_jobs, |it| each(it.0, it.1), place, piece)
            }
            Of::Pod(each) => write_each(metric, &objects.pods, |it| each(it.0, it.1), place, piece),
            Of::Node(each) => {
                write_each(metric, &objects.nodes, |it| each(it.0, it.1), place, piece)
            }
            Of::Running(each) => {
                write_each(metric, &it.running, |it| each(it.0, it.1), place, piece)
            }
            Of::Usage(all) | Of::Server(all) => {
                all(it, &mut lines(metric, &Labels::default(), piece));
                None
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut piece = String::new();
        while piece.len() < LIST_PIECE_BYTES {
            let Some((metric, place)) = self.current.take().or_else(|| self.begin(&mut piece))
            else {
                break;
            };
            self.current = self.write(metric, place, &mut piece).map(|place| (metric, place));
        }
        (!piece.is_empty()).then_some(piece)
    }
}

/// Writes each of `objects` until the piece is full.
fn write_each<T>(
    metric: &Metric,
    objects: &[(Labels, T)],
    each: impl Fn((&T, &mut Lines<'_>)),
    place: usize,
    piece: &mut String,
) -> Option<usize> {
    for (index, (labels, object)) in objects.iter().enumerate().skip(place) {
        if piece.len() >= LIST_PIECE_BYTES {
            return Some(index);
        }
        each((object, &mut lines(metric, labels, piece)));
    }
    None
}

fn lines<'a>(metric: &Metric, base: &'a Labels, page: &'a mut String) -> Lines<'a> {
    Lines { name: metric.name, labels: metric.labels, base, page }
}
