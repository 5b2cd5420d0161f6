//! Rounds: a life of the host each, and at the end of some of them the vendors are well, everything drains and is checked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use tagyard::outcomes::Rerun;

use crate::check::{Checker, Figures};
use crate::load::Load;
use crate::plan::{Doing, End, Plan, Round, Weather};
use crate::process::{Process, Setting};
use crate::redrive::Redrive;
use crate::tags::{TAGS, is_taken_again};
use crate::vendors::Vendors;

/// Rounds between two checks: often enough that a violation is found near to its cause.
const PERIOD: u32 = 25;

/// How long it may take until everything has ended once the vendors are well.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a whole run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) rounds: u32,
    pub(crate) kills: u32,
    pub(crate) kills_in_start: u32,
    pub(crate) terminations: u32,
    pub(crate) reloads: u32,
    pub(crate) redrives: u32,
    /// Those whose answer came and promised everything.
    pub(crate) redrives_answered: u32,
    pub(crate) requests: u64,
    pub(crate) repeated: u64,
    pub(crate) figures: Figures,
    pub(crate) longest_recovery: Duration,
    pub(crate) longest_drain: Duration,
}

pub(crate) struct Run {
    pub(crate) setting: Setting,
    pub(crate) vendors: Vendors,
    pub(crate) plan: Plan,
    checker: Checker,
    pub(crate) totals: Totals,
    life: u32,
    redrive: Option<Redrive>,
}

impl Run {
    pub(crate) fn new(setting: Setting, vendors: Vendors, plan: Plan) -> Self {
        let checker = Checker::new(&setting.data());
        Run { setting, vendors, plan, checker, totals: Totals::default(), life: 0, redrive: None }
    }

    /// # Errors
    /// What was violated.
    pub(crate) async fn rounds(&mut self, rounds: u32) -> Result<(), Vec<String>> {
        let mut next = 0;
        while self.totals.rounds < rounds {
            let random = self.plan.split();
            next = self.period(PERIOD.min(rounds - self.totals.rounds), next, random).await?;
        }
        Ok(())
    }

    /// So many rounds, and a check. Returns the next event's number.
    async fn period(&mut self, rounds: u32, first: u64, random: StdRng) -> Result<u64, Vec<String>> {
        let load = Load::start(first, random);
        for _ in 0..rounds {
            let round = self.plan.round();
            let before = load.acknowledged();
            self.live(&round, &load).await.map_err(|violation| vec![violation])?;
            self.totals.rounds += 1;
            let more = load.acknowledged() - before;
            println!("round {}: {more} events acknowledged, {}", self.totals.rounds, name(round.end));
            let complaints = [load.complaints(), self.vendors.complaints()].concat();
            if !complaints.is_empty() {
                return Err(complaints);
            }
        }
        self.drain(load).await
    }

    /// One life of the host.
    async fn live(&mut self, round: &Round, load: &Load) -> Result<(), String> {
        let mut process = self.start();
        if let End::KillInStart(after) = round.end {
            tokio::time::sleep(after).await;
            return self.kill(process, load, true).await;
        }
        self.listen(&mut process, load).await?;
        let vendors = self.vendors.clone();
        let weather = tokio::spawn(weather(round.clone(), vendors));
        self.until_end(round, &process, load).await?;
        match round.end {
            End::Terminate(_) => {
                self.terminate(process, load).await?;
                self.totals.terminations += 1;
            }
            End::Kill(_) | End::KillInStart(_) | End::KillAfterAnswers(_) => self.kill(process, load, false).await?,
        }
        weather.abort();
        let _ = weather.await;
        self.vendors.set_gone(false);
        Ok(())
    }

    /// Does what is to be done with the running host until the end of its life is due.
    async fn until_end(&mut self, round: &Round, process: &Process, load: &Load) -> Result<(), String> {
        let end = async {
            match round.end {
                End::KillAfterAnswers(answers) => load.answers(answers).await,
                End::Kill(after) | End::KillInStart(after) | End::Terminate(after) => tokio::time::sleep(after).await,
            }
        };
        tokio::pin!(end);
        let began = tokio::time::Instant::now();
        for (after, doing) in &round.doings {
            tokio::select! {
                () = &mut end => return Ok(()),
                () = tokio::time::sleep_until(began + *after) => {}
            }
            match doing {
                Doing::Reload => {
                    self.totals.reloads += 1;
                    self.setting.change(self.totals.reloads);
                    process.hang_up()?;
                }
                Doing::Redrive => self.redrive(),
            }
        }
        end.await;
        Ok(())
    }

    /// Asks for a redrive of all letters; one at a time.
    fn redrive(&mut self) {
        if self.redrive.is_some() {
            return;
        }
        let chosen = self.checker.choose_letters(self.life);
        if chosen.is_empty() {
            return;
        }
        self.vendors.forgive(chosen.iter().map(|chosen| chosen.number).filter(|number| is_taken_again(*number)));
        self.totals.redrives += 1;
        self.redrive = Some(Redrive::start(self.setting.data(), chosen));
    }

    /// What the host promised has to happen from now on.
    async fn redriven(&mut self) {
        let Some(redrive) = self.redrive.take() else { return };
        if let Some(promised) = redrive.promised().await {
            self.totals.redrives_answered += 1;
            self.checker.promise(&promised);
        }
    }

    /// Whether nothing is left to be run again, also of redrives that were not answered.
    async fn is_done_again(&self) -> bool {
        let again = tagyard::admin::ask::<BTreeMap<String, Rerun>>(&self.setting.data(), "/again").await;
        again.is_ok_and(|again| again.values().all(|rerun| rerun.left == 0))
    }

    /// The vendors are well, the host is up, the senders finish, everything ends; then it is checked.
    async fn drain(&mut self, load: Load) -> Result<u64, Vec<String>> {
        self.vendors.set_weather([Weather::Well; TAGS.len()]);
        let began = Instant::now();
        let mut process = self.start();
        let one = |violation: String| vec![violation];
        self.listen(&mut process, &load).await.map_err(one)?;
        // While the senders finish.
        self.redrive();
        let load = load.finish().await;
        self.redriven().await;
        let journal = self.checker.read_journal();
        while !(self.checker.is_drained(journal.len()) && self.is_done_again().await) {
            if began.elapsed() > PATIENCE {
                println!("after {} s not everything has ended", PATIENCE.as_secs());
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.checker.read_outcomes(self.life);
        }
        self.totals.longest_drain = self.totals.longest_drain.max(began.elapsed());
        process.terminate().await.map_err(one)?;
        self.vendors.settle().await;
        let ended = self.vendors.with_taken(|taken| {
            self.checker.end_life(self.life, true, taken);
            self.checker.finish(&load, &journal, taken)
        });
        let figures = ended?;
        println!("drained and checked: {} events in the journal", journal.len());
        self.totals.add(&figures, load.requests, load.repeated);
        Ok(load.first + load.sent.len() as u64)
    }

    fn start(&mut self) -> Process {
        self.life += 1;
        self.vendors.begin_life(self.life);
        Process::start(&self.setting)
    }

    async fn listen(&mut self, process: &mut Process, load: &Load) -> Result<(), String> {
        let (address, after) = process.listening().await?;
        load.set_host(Some(address));
        // The first start compiles the tags, which is no recovery.
        if self.life > 1 {
            self.totals.longest_recovery = self.totals.longest_recovery.max(after);
        }
        Ok(())
    }

    async fn kill(&mut self, process: Process, load: &Load, in_start: bool) -> Result<(), String> {
        process.kill().await?;
        self.totals.kills += 1;
        self.totals.kills_in_start += u32::from(in_start);
        self.ended(load, false).await;
        Ok(())
    }

    async fn terminate(&mut self, process: Process, load: &Load) -> Result<(), String> {
        process.terminate().await?;
        self.ended(load, true).await;
        Ok(())
    }

    async fn ended(&mut self, load: &Load, well: bool) {
        load.set_host(None);
        self.redriven().await;
        self.vendors.settle().await;
        self.vendors.with_taken(|taken| self.checker.end_life(self.life, well, taken));
    }
}

impl Totals {
    fn add(&mut self, figures: &Figures, requests: u64, repeated: u64) {
        let total = &mut self.figures;
        total.sent += figures.sent;
        total.acknowledged += figures.acknowledged;
        total.unheard += figures.unheard;
        total.delivered += figures.delivered;
        total.not_triggered += figures.not_triggered;
        total.dead += figures.dead;
        total.again += figures.again;
        total.after_kills += figures.after_kills;
        total.after_lost_answers += figures.after_lost_answers;
        total.in_flight += figures.in_flight;
        total.most_in_flight = total.most_in_flight.max(figures.most_in_flight);
        total.lost_answers += figures.lost_answers;
        self.requests += requests;
        self.repeated += repeated;
    }
}

/// Until it is aborted.
async fn weather(round: Round, vendors: Vendors) {
    let phases = async {
        for weather in round.weather.iter().cycle() {
            vendors.set_weather(*weather);
            tokio::time::sleep(round.phase).await;
        }
    };
    let outage = async {
        if let Some((after, lasts)) = round.outage {
            tokio::time::sleep(after).await;
            vendors.set_gone(true);
            tokio::time::sleep(lasts).await;
            vendors.set_gone(false);
        }
    };
    tokio::join!(phases, outage);
}

fn name(end: End) -> String {
    match end {
        End::KillInStart(after) => format!("killed {} ms after its start", after.as_millis()),
        End::Kill(after) => format!("killed {} ms after it listened", after.as_millis()),
        End::KillAfterAnswers(answers) => format!("killed after {answers} acknowledgements"),
        End::Terminate(after) => format!("stopped {} ms after it listened", after.as_millis()),
    }
}
