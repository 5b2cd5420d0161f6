//! Finding out whether an expression is plain.

use std::cmp::Ordering;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::field::{Field, Root};
use super::{Calculation, Change, Comparison, Constant, Logic, Plain, Search, UrlPart};
use crate::expression::functions::{self, MATCHES};
use crate::expression::reads::literal;

impl Plain {
    /// Of an expression that is one; of one that is no more than a constant there is nothing to save.
    pub(in crate::expression) fn of(expression: &IdedExpr) -> Option<Self> {
        Compiling { item: None }.plain(expression).filter(|plain| !matches!(plain, Plain::Constant(_)))
    }

    /// Whether it is calculated with as a double.
    fn is_double(&self) -> bool {
        matches!(self, Plain::Field(_) | Plain::Calculate(..) | Plain::Constant(Constant::Number(_, false)))
    }

    fn may_be_text(&self) -> bool {
        !matches!(self, Plain::Constant(Constant::Number(..) | Constant::Boolean(_)))
    }
}

#[derive(Clone, Copy)]
struct Compiling<'x> {
    /// What the items of the list are called that is gone through.
    item: Option<&'x str>,
}

impl<'x> Compiling<'x> {
    fn plain(self, expression: &'x IdedExpr) -> Option<Plain> {
        if let Some(field) = self.field(expression) {
            return Some(Plain::Field(field));
        }
        match &expression.expr {
            Expr::Literal(value) => constant(value).map(Plain::Constant),
            Expr::Select(select) if select.test => {
                Some(Plain::Has(self.field_below(&select.operand, select.field.as_str())?))
            }
            Expr::Select(select) => self.url(&select.operand, &select.field),
            Expr::Comprehension(parts) => self.items(parts),
            Expr::Call(call) => match (&call.target, call.args.as_slice()) {
                (None, [operand, key]) if call.func_name == operators::INDEX => self.url(operand, literal(key)?),
                (None, args) => self.operator(&call.func_name, args),
                (Some(target), args) => self.method(call, target, args),
            },
            _ => None,
        }
    }

    fn boxed(self, expression: &'x IdedExpr) -> Option<Box<Plain>> {
        self.plain(expression).map(Box::new)
    }

    fn two(self, one: &'x IdedExpr, other: &'x IdedExpr) -> Option<Box<[Plain; 2]>> {
        Some(Box::new([self.plain(one)?, self.plain(other)?]))
    }

    fn operator(self, name: &str, args: &'x [IdedExpr]) -> Option<Plain> {
        if let [condition, one, other] = args
            && name == operators::CONDITIONAL
        {
            return Some(Plain::Choice(Box::new([self.plain(condition)?, self.plain(one)?, self.plain(other)?])));
        }
        if let [inner] = args {
            return if name == operators::LOGICAL_NOT { Some(Plain::Not(self.boxed(inner)?)) } else { None };
        }
        let [one, other] = args else { return None };
        let calculation = match name {
            operators::IN => return Some(Plain::Among(self.boxed(one)?, texts(other)?)),
            operators::LOGICAL_AND => return Some(Plain::Logic(Logic::And, self.two(one, other)?)),
            operators::LOGICAL_OR => return Some(Plain::Logic(Logic::Or, self.two(one, other)?)),
            operators::ADD => Calculation::Add,
            operators::SUBSTRACT => Calculation::Subtract,
            operators::MULTIPLY => Calculation::Multiply,
            operators::DIVIDE => Calculation::Divide,
            name => return Some(Plain::Compare(comparison(name)?, self.two(one, other)?)),
        };
        let sides = self.two(one, other)?;
        let adds = matches!(calculation, Calculation::Add);
        let may = sides.iter().all(Plain::is_double) || adds && sides.iter().all(Plain::may_be_text);
        may.then_some(Plain::Calculate(calculation, sides))
    }

    fn method(self, call: &'x CallExpr, target: &'x IdedExpr, args: &'x [IdedExpr]) -> Option<Plain> {
        let change = match (call.func_name.as_str(), args) {
            ("lower", []) => Change::Lower,
            ("upper", []) => Change::Upper,
            ("trim", []) => Change::Trim,
            (MATCHES, [pattern]) => {
                return Some(Plain::Matches(self.boxed(target)?, functions::pattern(literal(pattern)?).ok()?));
            }
            ("inCidr", [networks]) => return Some(Plain::Within(self.boxed(target)?, of_networks(networks)?)),
            (name, [part]) => return Some(Plain::Search(search(name)?, self.two(target, part)?)),
            _ => return None,
        };
        Some(Plain::Change(change, self.boxed(target)?))
    }

    /// `url(…).host`, or `url(…).query.name`.
    fn url(self, operand: &'x IdedExpr, part: &str) -> Option<Plain> {
        match &operand.expr {
            Expr::Call(call) if call.func_name == "url" && call.target.is_none() && part != "query" => {
                let [text] = call.args.as_slice() else { return None };
                Some(Plain::Url(self.boxed(text)?, UrlPart::Part(part.to_owned())))
            }
            Expr::Select(select) if !select.test && select.field == "query" => match &select.operand.expr {
                Expr::Call(call) if call.func_name == "url" && call.target.is_none() => {
                    let [text] = call.args.as_slice() else { return None };
                    Some(Plain::Url(self.boxed(text)?, UrlPart::Query(part.to_owned())))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `list.exists(item, …)`, or `all`, of a list of the event's; not one within another.
    fn items(self, parts: &'x ComprehensionExpr) -> Option<Plain> {
        let (Expr::Literal(LiteralValue::Boolean(_)), Expr::Call(step)) =
            (&parts.accu_init.expr, &parts.loop_step.expr)
        else {
            return None;
        };
        let logic = match step.func_name.as_str() {
            operators::LOGICAL_OR => Logic::Or,
            operators::LOGICAL_AND => Logic::And,
            _ => return None,
        };
        let is_accumulated = |expr: &Expr| matches!(expr, Expr::Ident(name) if *name == parts.accu_var);
        let list = self.field(&parts.iter_range).filter(|list| list.root == Root::Event)?;
        match step.args.as_slice() {
            [accumulated, condition]
                if self.item.is_none()
                    && parts.iter_var2.is_none()
                    && is_accumulated(&accumulated.expr)
                    && is_accumulated(&parts.result.expr) =>
            {
                let condition = Compiling { item: Some(&parts.iter_var) }.plain(condition)?;
                Some(Plain::Items(logic, list, Box::new(condition)))
            }
            _ => None,
        }
    }

    /// A path that is neither optional nor asked whether it is there.
    fn field(self, expression: &'x IdedExpr) -> Option<Field> {
        match &expression.expr {
            Expr::Ident(name) if self.item == Some(name) => Some(Field { root: Root::Item, path: Vec::new() }),
            Expr::Ident(name) => {
                let root = match name.as_str() {
                    "event" => Root::Event,
                    "request" => Root::Request,
                    "visitor" => Root::Visitor,
                    "consent" => Root::Consent,
                    // CEL looks at a variable even where there are no items that it could be asked of.
                    "vars" if self.item.is_none() => Root::Vars,
                    _ => return None,
                };
                Some(Field { root, path: Vec::new() })
            }
            Expr::Select(select) if !select.test => self.field_below(&select.operand, &select.field),
            Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
                [operand, key] => self.field_below(operand, literal(key)?),
                _ => None,
            },
            _ => None,
        }
    }

    fn field_below(self, operand: &'x IdedExpr, member: &str) -> Option<Field> {
        let mut field = self.field(operand)?;
        field.path.push(member.to_owned());
        Some(field)
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equals(true),
        operators::NOT_EQUALS => Comparison::Equals(false),
        operators::LESS => Comparison::Order([Ordering::Less; 2]),
        operators::LESS_EQUALS => Comparison::Order([Ordering::Less, Ordering::Equal]),
        operators::GREATER => Comparison::Order([Ordering::Greater; 2]),
        operators::GREATER_EQUALS => Comparison::Order([Ordering::Greater, Ordering::Equal]),
        _ => return None,
    })
}

fn search(name: &str) -> Option<Search> {
    Some(match name {
        "contains" => Search::Contains,
        "startsWith" => Search::StartsWith,
        "endsWith" => Search::EndsWith,
        _ => return None,
    })
}

fn of_networks(argument: &IdedExpr) -> Option<Vec<ipnet::IpNet>> {
    let one = |argument| functions::network(literal(argument)?);
    match &argument.expr {
        Expr::List(list) => list.elements.iter().map(one).collect(),
        _ => one(argument).map(|network| vec![network]),
    }
}

fn texts(argument: &IdedExpr) -> Option<Vec<String>> {
    match &argument.expr {
        Expr::List(list) => list.elements.iter().map(|element| literal(element).map(str::to_owned)).collect(),
        _ => None,
    }
}

fn constant(value: &LiteralValue) -> Option<Constant> {
    /// Up to here every whole number has a double of its own.
    const EXACT: i64 = 1 << 53;
    Some(match value {
        LiteralValue::String(text) => Constant::Text(text.inner().to_owned()),
        LiteralValue::Boolean(value) => Constant::Boolean(*value.inner()),
        LiteralValue::Double(number) => Constant::Number(*number.inner(), false),
        LiteralValue::Int(number) if (-EXACT..=EXACT).contains(number.inner()) => {
            Constant::Number(*number.inner() as f64, true)
        }
        _ => return None,
    })
}
