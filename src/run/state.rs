//! What is known of each job in a run, and the one place that changes it.

use std::collections::{BTreeSet, VecDeque};

use crate::resolve::{Graph, JobIx, Origin};

/// One job. Each variant says what is known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// This many of the jobs it reads from are not settled.
    Waiting {
        on: usize,
    },
    /// All it reads is settled; it is to be judged.
    Ready,
    /// Another job of this run is making the same thing; it is judged again after that.
    Parked,
    /// Given to a worker, or waiting for its next try.
    Running,
    /// Its outputs stand for what they should, and always did.
    Valid,
    /// Its outputs were taken from an earlier run.
    Reused,
    /// It ran, and its outputs are committed.
    Done,
    Failed,
    /// Something it needs failed or cannot be provided.
    Blocked,
}

impl State {
    /// Its outputs may be read.
    pub fn is_settled(self) -> bool {
        matches!(self, State::Valid | State::Reused | State::Done)
    }

    /// Nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        self.is_settled() || matches!(self, State::Failed | State::Blocked)
    }
}

/// All jobs' states, and who waits for whom.
pub struct States {
    states: Vec<State>,
    /// By job: the jobs it reads from, each once.
    makers: Vec<Vec<JobIx>>,
    readers: Vec<Vec<JobIx>>,
    ready: VecDeque<JobIx>,
    /// Running jobs whose inputs were made again meanwhile: judged once more when they end.
    again: BTreeSet<JobIx>,
}

impl States {
    pub fn new(graph: &Graph) -> Self {
        let mut makers = Vec::with_capacity(graph.jobs.len());
        let mut readers = vec![Vec::new(); graph.jobs.len()];
        for (index, job) in graph.jobs.iter().enumerate() {
            let mut from: Vec<JobIx> = (job.inputs.iter().flatten())
                .filter_map(|part| match graph.nodes[part.node.0 as usize].origin {
                    Origin::Job { job, .. } => Some(job),
                    _ => None,
                })
                .collect();
            from.sort();
            from.dedup();
            for maker in &from {
                readers[maker.0 as usize].push(JobIx(index as u32));
            }
            makers.push(from);
        }
        let mut all = Self { states: vec![State::Ready; makers.len()], makers, readers, ready: VecDeque::new(), again: BTreeSet::new() };
        for index in 0..all.states.len() {
            all.wait(JobIx(index as u32));
        }
        all
    }

    pub fn get(&self, job: JobIx) -> State {
        self.states[job.0 as usize]
    }

    pub fn next_ready(&mut self) -> Option<JobIx> {
        while let Some(job) = self.ready.pop_front() {
            if self.get(job) == State::Ready {
                return Some(job);
            }
        }
        None
    }

    pub fn readers(&self, job: JobIx) -> &[JobIx] {
        &self.readers[job.0 as usize]
    }

    pub fn count(&self, what: impl Fn(State) -> bool) -> usize {
        self.states.iter().filter(|s| what(**s)).count()
    }

    /// The only way to change a state. Returns the jobs that became blocked through it.
    pub fn set(&mut self, job: JobIx, to: State) -> Vec<JobIx> {
        let was = std::mem::replace(&mut self.states[job.0 as usize], to);
        match to {
            State::Ready => self.ready.push_back(job),
            State::Failed | State::Blocked => return self.block_readers(job),
            to if to.is_settled() && !was.is_settled() => {
                if self.again.remove(&job) {
                    self.unsettle(job);
                } else {
                    self.release_readers(job);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// Its outputs must be made again: it and all that was settled over it is judged again. Running readers finish first.
    pub fn unsettle(&mut self, job: JobIx) {
        let mut stack = vec![job];
        while let Some(job) = stack.pop() {
            match self.get(job) {
                State::Running => {
                    self.again.insert(job);
                }
                State::Failed | State::Blocked => {}
                _ => {
                    let was_settled = self.get(job).is_settled();
                    self.wait(job);
                    if was_settled {
                        stack.extend(self.readers[job.0 as usize].iter().copied());
                    }
                }
            }
        }
    }

    /// Waiting for what it reads, or ready where that is settled.
    fn wait(&mut self, job: JobIx) {
        let on = self.makers[job.0 as usize].iter().filter(|m| !self.states[m.0 as usize].is_settled()).count();
        self.states[job.0 as usize] = if on == 0 { State::Ready } else { State::Waiting { on } };
        if on == 0 {
            self.ready.push_back(job);
        }
    }

    fn release_readers(&mut self, job: JobIx) {
        for index in 0..self.readers[job.0 as usize].len() {
            let reader = self.readers[job.0 as usize][index];
            if let State::Waiting { on } = self.get(reader) {
                self.set(reader, if on <= 1 { State::Ready } else { State::Waiting { on: on - 1 } });
            }
        }
    }

    fn block_readers(&mut self, job: JobIx) -> Vec<JobIx> {
        let mut blocked = Vec::new();
        let mut stack = self.readers[job.0 as usize].clone();
        while let Some(reader) = stack.pop() {
            if matches!(self.get(reader), State::Waiting { .. } | State::Ready | State::Parked) {
                self.states[reader.0 as usize] = State::Blocked;
                blocked.push(reader);
                stack.extend(self.readers[reader.0 as usize].iter().copied());
            }
        }
        blocked.sort();
        blocked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, Instance as Components};
    use crate::resolve::{Instance, Node, NodeIx, Part};

    /// One output per job; `reads` names earlier jobs.
    fn graph(reads: &[&[u32]]) -> Graph {
        let mut graph = Graph::default();
        for (index, from) in reads.iter().enumerate() {
            let class = format!("c{index}").into();
            let identity = Identity { class, instance: Components::new([]), label: "l".into(), repository: "r".into() };
            graph.nodes.push(Node { identity, origin: Origin::Job { job: JobIx(index as u32), output: 0 } });
            let parts = from.iter().map(|n| Part { node: NodeIx(*n), alternative: 0, values: vec![] }).collect();
            graph.jobs.push(Instance { formula: 0, binding: vec![], inputs: vec![parts], outputs: vec![NodeIx(index as u32)] });
        }
        graph
    }

    fn ready(states: &mut States) -> Vec<u32> {
        std::iter::from_fn(|| states.next_ready()).map(|job| job.0).collect()
    }

    #[test]
    fn readers_wait_for_all_they_read() {
        let mut s = States::new(&graph(&[&[], &[], &[0, 1, 0]]));
        assert_eq!(ready(&mut s), [0, 1]);
        s.set(JobIx(0), State::Done);
        assert_eq!(ready(&mut s), [] as [u32; 0]);
        s.set(JobIx(1), State::Valid);
        assert_eq!(ready(&mut s), [2]);
    }

    #[test]
    fn a_failure_blocks_everything_over_it() {
        let mut s = States::new(&graph(&[&[], &[0], &[1], &[]]));
        assert_eq!(s.set(JobIx(0), State::Failed), [JobIx(1), JobIx(2)]);
        assert_eq!(s.get(JobIx(2)), State::Blocked);
        assert_eq!(s.get(JobIx(3)), State::Ready);
    }

    #[test]
    fn unsettling_judges_again_what_was_settled_over_it_and_running_readers_afterwards() {
        let mut s = States::new(&graph(&[&[], &[0], &[0], &[1, 2]]));
        s.set(JobIx(0), State::Valid);
        ready(&mut s);
        s.set(JobIx(1), State::Valid);
        s.set(JobIx(2), State::Running);
        s.unsettle(JobIx(0));
        assert_eq!(ready(&mut s), [0]);
        assert_eq!(s.get(JobIx(1)), State::Waiting { on: 1 });
        s.set(JobIx(2), State::Done);
        assert_eq!(s.get(JobIx(2)), State::Waiting { on: 1 }, "it read what is being made again");
        s.set(JobIx(0), State::Done);
        assert_eq!(ready(&mut s), [1, 2]);
        s.set(JobIx(1), State::Done);
        s.set(JobIx(2), State::Done);
        assert_eq!(ready(&mut s), [3]);
    }
}
