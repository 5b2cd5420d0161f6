//! How much work an expression may be. What a macro (`map`, `exists`) repeats is counted in steps, and so is whatever it looks at: senders
//! decide how long lists are, and a macro within a macro, or an `in` within one, takes their product.

use std::cell::Cell;

use cel::ExecutionError;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, operators};
use cel::common::types::{CelList, CelMap, CelOptional, CelString};
use cel::common::value::{CowVal, Val};

/// The most steps of one expression over an event: ten times what one loop takes that looks at all of an event of 32 KB of the smallest
/// values. It bounds a worker, and the collector where it evaluates, to some hundredths of a second.
pub const EVENT_STEPS: u64 = 200_000;

/// The most steps of all of a webhook's expressions over one request: four times what it takes to look at every value of a body of
/// 500 KB. It bounds a request to some tenths of a second.
pub const WEBHOOK_STEPS: u64 = 1_000_000;

/// Bytes of text that are worth a step.
const TEXT_BYTES: usize = 64;

/// The function that counts: it is what it is given.
pub(super) const CHARGED: &str = "charged";

thread_local! {
    /// The steps that are left of the evaluation on this thread; `None` once there were too few.
    static LEFT: Cell<Option<u64>> = const { Cell::new(Some(0)) };
}

/// Evaluates with `left` steps, and says how many are left of them: `None` where they were too few.
pub(super) fn within<T>(left: Option<u64>, evaluate: impl FnOnce() -> T) -> (T, Option<u64>) {
    let before = LEFT.replace(left);
    let value = evaluate();
    (value, LEFT.replace(before))
}

/// Puts [`CHARGED`] around whatever an expression looks at within macros, with `repeated` everywhere. Gives whether it did anywhere.
pub(super) fn charge(expression: &mut IdedExpr, repeated: bool) -> bool {
    if is_place(expression) {
        let within = charge_all(keys(expression), repeated);
        if repeated {
            wrap(expression);
        }
        return within || repeated;
    }
    match &mut expression.expr {
        Expr::Comprehension(parts) => {
            charge(&mut parts.iter_range, repeated);
            // `map` and `filter` are told by their shape, which has to stay, to be quick: what they append is charged. The others'
            // condition is, which every turn evaluates.
            if matches!(parts.accu_init.expr, Expr::List(_)) {
                charge_appended(&mut parts.loop_step);
            } else {
                charge(&mut parts.loop_step, true);
                wrap(&mut parts.loop_cond);
            }
            true
        }
        // `has` looks at nothing but whether it is there.
        Expr::Select(select) if select.test && is_place(&select.operand) => false,
        _ => charge_all(parts(expression), repeated),
    }
}

fn charge_all(expressions: Vec<&mut IdedExpr>, repeated: bool) -> bool {
    let mut any = false;
    for expression in expressions {
        any |= charge(expression, repeated);
    }
    any
}

/// As the function [`CHARGED`].
pub(super) fn charged<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = args.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let spend = |left| spend(value.as_ref(), left);
    LEFT.set(LEFT.get().and_then(spend));
    match LEFT.get() {
        Some(_) => Ok(value),
        None => Err(ExecutionError::function_error(CHARGED, "too many steps")),
    }
}

/// Takes off what a value that was made is worth.
pub(super) fn made(value: &dyn Val) {
    LEFT.set(LEFT.get().and_then(|left| spend(value, left)));
}

/// What is left of the steps once a value was looked at: one for each value in it, and those of its texts. An event's depth bounds the
/// recursion.
fn spend(value: &dyn Val, left: u64) -> Option<u64> {
    let text = |text: &str| u64::try_from(text.len() / TEXT_BYTES).unwrap_or(u64::MAX);
    let left = left.checked_sub(1)?;
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        return left.checked_sub(text(string.inner()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().try_fold(left, |left, item| spend(item.as_ref(), left));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        return map.inner().values().try_fold(left, |left, item| spend(item.as_ref(), left));
    }
    match value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::option) {
        Some(inner) => spend(inner, left),
        None => Some(left),
    }
}

/// The step of `map` and `filter`: `@result + [element]`, or `condition ? @result + [element] : @result`.
fn charge_appended(step: &mut IdedExpr) {
    let Expr::Call(call) = &mut step.expr else { return };
    match call.args.as_mut_slice() {
        [condition, appended, _] if call.func_name == operators::CONDITIONAL => {
            charge(condition, true);
            wrap(condition);
            charge_appended(appended);
        }
        [_, IdedExpr { expr: Expr::List(list), .. }] => list.elements.iter_mut().for_each(|element| {
            charge(element, true);
            wrap(element);
        }),
        _ => {}
    }
}

/// Whether it is a variable, or a part of one. What macros accumulate is none: a `@` begins its name.
fn is_place(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Ident(name) => !name.starts_with('@'),
        Expr::Select(select) => !select.test && is_place(&select.operand),
        Expr::Call(call) => is_index(call) && call.args.first().is_some_and(is_place),
        _ => false,
    }
}

fn is_index(call: &CallExpr) -> bool {
    [operators::INDEX, operators::OPT_INDEX, operators::OPT_SELECT].contains(&call.func_name.as_str())
}

/// By what a place is looked up in another.
fn keys(place: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut place.expr {
        Expr::Select(select) => keys(&mut select.operand),
        Expr::Call(call) => match call.args.as_mut_slice() {
            [operand, key] => {
                let mut all = keys(operand);
                all.push(key);
                all
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn parts(expression: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Comprehension(_) => Vec::new(),
        Expr::Call(call) => call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args).collect(),
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map.entries.iter_mut().flat_map(|part| entry_parts(&mut part.expr)).collect(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::Struct(object) => object.entries.iter_mut().flat_map(|part| entry_parts(&mut part.expr)).collect(),
    }
}

fn entry_parts(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&mut field.value],
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
    }
}

fn wrap(expression: &mut IdedExpr) {
    let id = expression.id;
    let inner = std::mem::take(expression);
    let call = CallExpr { func_name: CHARGED.to_owned(), target: None, args: vec![inner] };
    *expression = IdedExpr { id, expr: Expr::Call(call) };
}
