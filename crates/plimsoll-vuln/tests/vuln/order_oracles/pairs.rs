use proptest::prelude::Strategy;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;

/// Two versions to compare.
pub(super) type Pair = (String, String);

/// How versions of an ecosystem look.
pub(super) struct Grammar {
    /// A regular expression for whole versions.
    pub(super) whole: &'static str,
    /// What a mistake may put into one.
    pub(super) characters: &'static str,
}

/// How many pairs are made in each way.
const PAIRS: usize = 2000;

/// Pairs of made-up versions, of made-up versions and the same with a mistake, and both again with real versions.
pub(super) fn make(grammar: &Grammar, real: &[String]) -> Vec<Pair> {
    let mut runner = TestRunner::deterministic();
    let made = string_regex(grammar.whole).unwrap();
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let (left, right) = (draw(&made, &mut runner), draw(&made, &mut runner));
        let mistaken = with_mistake(&left, grammar, &mut runner);
        pairs.extend([(left.clone(), mistaken), (left, right)]);
    }
    for _ in 0..if real.is_empty() { 0 } else { PAIRS } {
        let any = (proptest::prelude::any::<Index>(), proptest::prelude::any::<Index>());
        let (left, right) = draw(&any, &mut runner);
        let (left, right) = (left.get(real).clone(), right.get(real).clone());
        let mistaken = with_mistake(&left, grammar, &mut runner);
        pairs.extend([(left.clone(), mistaken), (left, right)]);
    }
    pairs.retain(|(left, right)| !left.is_empty() && !right.is_empty());
    pairs
}

fn draw<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// The version with a character put in, taken out, or changed.
fn with_mistake(version: &str, grammar: &Grammar, runner: &mut TestRunner) -> String {
    let at = draw(&(0..=version.chars().count()), runner);
    let character = grammar.characters.chars().nth(draw(&(0..grammar.characters.len()), runner)).unwrap();
    let taken_out = draw(&(0..2_usize), runner);
    let put_in = draw(&(0..2_usize), runner);
    let start = version.chars().take(at);
    let end = version.chars().skip(at + taken_out);
    start.chain(std::iter::repeat_n(character, put_in)).chain(end).collect()
}
