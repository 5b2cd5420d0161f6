//! Expressions in words, for a person who does not read CEL: as far as what they say has plain words.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::functions::ENV;
use super::reads::{literal, path_of};

/// A condition in words, as in "the property `total` is greater than 20"; `None` where it has none.
pub fn condition(source: &str) -> Option<String> {
    let program = ENV.compile(source).ok()?;
    Words::default().condition(program.expression(), true)
}

/// A value in words, as in "the property `total` times 100"; `None` where it has none.
pub fn value(source: &str) -> Option<String> {
    let program = ENV.compile(source).ok()?;
    Words::default().value(program.expression())
}

/// What the macros around it call the elements that they look at.
#[derive(Clone, Default)]
struct Words<'e> {
    elements: Vec<&'e str>,
}

impl<'e> Words<'e> {
    /// `yes` is false for the contrary.
    fn condition(&self, expression: &'e IdedExpr, yes: bool) -> Option<String> {
        match &expression.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => {
                Some(if *value.inner() == yes { "always" } else { "never" }.to_owned())
            }
            Expr::Select(select) if select.test => {
                let mut path = path_of(&select.operand)?;
                path.push(&select.field);
                let name = self.place(&path);
                Some(format!("{name} is {}", if yes { "there" } else { "missing" }))
            }
            Expr::Comprehension(macro_) => self.of_elements(macro_, yes),
            Expr::Call(call) => self.call(expression, call, yes),
            _ => self.is_true(expression, yes),
        }
    }

    fn is_true(&self, expression: &IdedExpr, yes: bool) -> Option<String> {
        if path_of(expression)?.as_slice() == ["visitor", "bot"] {
            return Some(format!("the visitor is {}a bot", if yes { "" } else { "not " }));
        }
        if let ["consent", purpose] = path_of(expression)?.as_slice() {
            return Some(format!("consent to {purpose} is {}", if yes { "given" } else { "not given" }));
        }
        Some(format!("{} is {yes}", self.value(expression)?))
    }

    fn call(&self, expression: &'e IdedExpr, call: &'e CallExpr, yes: bool) -> Option<String> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [inner]) => self.condition(inner, !yes),
            (operators::LOGICAL_AND, None, [_, _]) => {
                let parts = chain(expression, operators::LOGICAL_AND);
                let within = |part| self.within(part, operators::LOGICAL_OR, true);
                let parts: Vec<String> = parts.into_iter().map(within).collect::<Option<_>>()?;
                Some(format!("{}{}", if yes { "" } else { "it is not so that " }, parts.join(" and ")))
            }
            (operators::LOGICAL_OR, None, [_, _]) => {
                let parts = chain(expression, operators::LOGICAL_OR);
                let within = |part| self.within(part, operators::LOGICAL_AND, yes);
                let parts: Vec<String> = parts.into_iter().map(within).collect::<Option<_>>()?;
                Some(if yes { format!("either {}", parts.join(" or ")) } else { parts.join(" and ") })
            }
            (operators::EQUALS, None, [left, right]) => self.compared(left, right, if yes { "is" } else { "is not" }),
            (operators::NOT_EQUALS, None, [left, right]) => {
                self.compared(left, right, if yes { "is not" } else { "is" })
            }
            (operators::GREATER, None, [left, right]) => self.compared(left, right, &is(yes, "greater than")),
            (operators::GREATER_EQUALS, None, [left, right]) => self.compared(left, right, &is(yes, "at least")),
            (operators::LESS, None, [left, right]) => self.compared(left, right, &is(yes, "less than")),
            (operators::LESS_EQUALS, None, [left, right]) => self.compared(left, right, &is(yes, "at most")),
            (operators::IN, None, [left, right]) => match &right.expr {
                Expr::List(_) => self.compared(left, right, &is(yes, "one of")),
                _ => self.compared(right, left, if yes { "contains" } else { "does not contain" }),
            },
            ("contains", Some(text), [part]) => {
                self.compared(text, part, if yes { "contains" } else { "does not contain" })
            }
            ("startsWith", Some(text), [part]) => {
                self.compared(text, part, if yes { "begins with" } else { "does not begin with" })
            }
            ("endsWith", Some(text), [part]) => {
                self.compared(text, part, if yes { "ends with" } else { "does not end with" })
            }
            ("matches", Some(text), [pattern]) | ("matches", None, [text, pattern]) => {
                let verb = if yes { "matches" } else { "does not match" };
                Some(format!("{} {verb} the pattern `{}`", self.subject(text)?, literal(pattern)?))
            }
            ("inCidr", Some(address), [networks]) => {
                let networks = match &networks.expr {
                    Expr::List(list) => listed(
                        &list
                            .elements
                            .iter()
                            .map(literal)
                            .map(|text| text.map(str::to_owned))
                            .collect::<Option<Vec<_>>>()?,
                    ),
                    _ => literal(networks)?.to_owned(),
                };
                Some(format!(
                    "{} is {}in the network {networks}",
                    self.subject(address)?,
                    if yes { "" } else { "not " }
                ))
            }
            _ => self.is_true(expression, yes),
        }
    }

    /// A part of several, which has parentheses where it is several itself.
    fn within(&self, part: &'e IdedExpr, several: &str, yes: bool) -> Option<String> {
        let words = self.condition(part, yes)?;
        let is_several = matches!(&part.expr, Expr::Call(call) if call.func_name == several);
        Some(if is_several { format!("({words})") } else { words })
    }

    fn compared(&self, left: &'e IdedExpr, right: &'e IdedExpr, verb: &str) -> Option<String> {
        if let (Some(purpose), Expr::Literal(LiteralValue::Boolean(given))) = (consent(left), &right.expr) {
            let is_given = *given.inner() == (verb == "is");
            return Some(format!("consent to {purpose} is {}", if is_given { "given" } else { "not given" }));
        }
        let right = self.value(right)?;
        // Whatever the case, where one side was brought into one.
        let note = if is_cased(left) { ", in small or capital letters" } else { "" };
        Some(format!("{} {verb} {right}{note}", self.subject(left)?))
    }

    /// `exists` and `all`.
    fn of_elements(&self, parts: &'e ComprehensionExpr, yes: bool) -> Option<String> {
        let Expr::Literal(LiteralValue::Boolean(at_first)) = &parts.accu_init.expr else { return None };
        let Expr::Call(step) = &parts.loop_step.expr else { return None };
        let quantity = match (*at_first.inner(), step.func_name.as_str(), yes) {
            (false, operators::LOGICAL_OR, true) => "at least one of",
            (false, operators::LOGICAL_OR, false) => "none of",
            (true, operators::LOGICAL_AND, true) => "each of",
            (true, operators::LOGICAL_AND, false) => "not each of",
            _ => return None,
        };
        let mut within = self.clone();
        within.elements.push(&parts.iter_var);
        let condition = within.condition(step.args.get(1)?, true)?;
        Some(format!("for {quantity} {} it holds that {condition}", self.value(&parts.iter_range)?))
    }

    /// A value without what only brings it into another form.
    fn subject(&self, expression: &'e IdedExpr) -> Option<String> {
        match cased(expression) {
            Some(inner) => self.subject(inner),
            None => self.value(expression),
        }
    }

    fn value(&self, expression: &IdedExpr) -> Option<String> {
        if let Some(path) = path_of(expression) {
            return Some(self.place(&path));
        }
        match &expression.expr {
            Expr::Literal(value) => constant(value),
            Expr::List(list) => {
                let items: Option<Vec<String>> = list.elements.iter().map(|item| self.value(item)).collect();
                items.map(|items| listed(&items))
            }
            Expr::Select(select) if !select.test => self.part(&select.operand, &select.field),
            Expr::Call(call) => match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
                ("double" | "string" | "int" | "uint" | "dyn", None, [inner]) | ("trim", Some(inner), []) => {
                    self.value(inner)
                }
                ("lower", Some(text), []) => Some(format!("{} in small letters", self.value(text)?)),
                ("upper", Some(text), []) => Some(format!("{} in capital letters", self.value(text)?)),
                ("size", None, [inner]) | ("size", Some(inner), []) => {
                    Some(format!("the length of {}", self.value(inner)?))
                }
                ("sha256", None, [inner]) => Some(format!("the SHA-256 digest of {}", self.value(inner)?)),
                ("orValue", Some(value), [other]) => {
                    Some(format!("{}, or else {}", self.value(value)?, self.value(other)?))
                }
                (operators::MULTIPLY, None, [left, right]) => {
                    Some(format!("{} times {}", self.value(left)?, self.value(right)?))
                }
                (operators::DIVIDE, None, [left, right]) => {
                    Some(format!("{} divided by {}", self.value(left)?, self.value(right)?))
                }
                (operators::SUBSTRACT, None, [left, right]) => {
                    Some(format!("{} minus {}", self.value(left)?, self.value(right)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A part of what `url` and `userAgent` give.
    fn part(&self, of: &IdedExpr, name: &str) -> Option<String> {
        match &of.expr {
            Expr::Call(call) if call.target.is_none() => {
                let [inner] = call.args.as_slice() else { return None };
                match call.func_name.as_str() {
                    "url" => Some(format!("the {name} of {}", self.value(inner)?)),
                    "userAgent" => Some(format!("the {name} that {} names", self.value(inner)?)),
                    _ => None,
                }
            }
            Expr::Select(select) if select.field == "query" => match &select.operand.expr {
                Expr::Call(call) if call.func_name == "url" => {
                    Some(format!("the parameter `{name}` of {}", self.value(call.args.first()?)?))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn place(&self, path: &[&str]) -> String {
        match path {
            [element] if self.elements.contains(element) => "it".to_owned(),
            [element, parts @ ..] if self.elements.contains(element) => format!("its `{}`", parts.join(".")),
            ["item"] => "the element".to_owned(),
            ["item", parts @ ..] => format!("the element's `{}`", parts.join(".")),
            ["body"] => "the body".to_owned(),
            ["body", parts @ ..] => format!("the body's `{}`", parts.join(".")),
            ["query", name] => format!("the parameter `{name}` of the request"),
            ["headers", name] => format!("the header `{name}` of the request"),
            ["event", field @ ..] => field_in_words(field),
            ["vars", name @ ..] => format!("the variable `{}`", name.join(".")),
            ["request", "ip"] => "the sender's address".to_owned(),
            ["request", "host"] => "the host name that the request was sent to".to_owned(),
            ["request", "path"] => "the path that the request was sent to".to_owned(),
            ["request", "source"] => "the form in which it came".to_owned(),
            ["request", "method"] => "the request's method".to_owned(),
            ["request", "headers", name] => format!("the header `{name}` of the request"),
            ["request", "cookies", name] => format!("the cookie `{name}`"),
            ["request", "query", name] => format!("the parameter `{name}` of the request"),
            ["visitor", name] => format!("the visitor's {name}"),
            ["consent", purpose] => format!("consent to {purpose}"),
            _ => format!("`{}`", path.join(".")),
        }
    }
}

/// A field of an event, by what a person calls it.
pub fn field_in_words(field: &[&str]) -> String {
    match field {
        [] => "the event".to_owned(),
        ["event"] => "the event's name".to_owned(),
        ["type"] => "the event's type".to_owned(),
        ["userId"] => "the user id".to_owned(),
        ["anonymousId"] => "the anonymous id".to_owned(),
        ["context", "ip"] => "the visitor's address".to_owned(),
        ["context", "userAgent"] => "the user agent".to_owned(),
        ["context", "page", "url"] => "the page's URL".to_owned(),
        ["context", "page", "path"] => "the page's path".to_owned(),
        ["context", "page", "title"] => "the page's title".to_owned(),
        ["context", "page", "referrer"] => "the page's referrer".to_owned(),
        ["properties", name @ ..] if !name.is_empty() => format!("the property `{}`", name.join(".")),
        ["traits", name @ ..] if !name.is_empty() => format!("the trait `{}`", name.join(".")),
        field => format!("`{}`", field.join(".")),
    }
}

/// As in "a, b or c".
fn listed(items: &[String]) -> String {
    match items {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn is(yes: bool, what: &str) -> String {
    format!("is {}{what}", if yes { "" } else { "not " })
}

/// The operands of an operator that stands between several.
fn chain<'e>(expression: &'e IdedExpr, operator: &str) -> Vec<&'e IdedExpr> {
    match &expression.expr {
        Expr::Call(call) if call.func_name == operator => {
            call.args.iter().flat_map(|part| chain(part, operator)).collect()
        }
        _ => vec![expression],
    }
}

/// What a value is made of that was brought into one case, and trimmed.
fn cased(expression: &IdedExpr) -> Option<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) if ["lower", "upper"].contains(&call.func_name.as_str()) => call.target.as_deref(),
        _ => None,
    }
}

fn is_cased(expression: &IdedExpr) -> bool {
    cased(expression).is_some()
}

fn consent(expression: &IdedExpr) -> Option<&str> {
    match path_of(expression)?.as_slice() {
        ["consent", purpose] => Some(purpose),
        _ => None,
    }
}

fn constant(value: &LiteralValue) -> Option<String> {
    Some(match value {
        LiteralValue::Boolean(value) => value.inner().to_string(),
        LiteralValue::Double(value) => value.inner().to_string(),
        LiteralValue::Int(value) => value.inner().to_string(),
        LiteralValue::UInt(value) => value.inner().to_string(),
        LiteralValue::String(text) => format!("\"{}\"", text.inner()),
        LiteralValue::Null => "null".to_owned(),
        LiteralValue::Bytes(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_in_words() {
        let check = |source: &str, expected: &str| assert_eq!(condition(source).as_deref(), Some(expected), "{source}");
        check("event.properties.total > 20.0", "the property `total` is greater than 20");
        check("!(event.properties.total >= 20.5)", "the property `total` is not at least 20.5");
        check("event.event == 'Signed Up'", "the event's name is \"Signed Up\"");
        check("event.context.page.path != '/a'", "the page's path is not \"/a\"");
        check("vars.market in ['eu', 'us', 'uk']", "the variable `market` is one of \"eu\", \"us\" or \"uk\"");
        check("!('x' in event.properties.tags)", "the property `tags` does not contain \"x\"");
        check("event.context.page.url.contains('x')", "the page's URL contains \"x\"");
        check("event.userId.lower().startsWith('x')", "the user id begins with \"x\", in small or capital letters");
        check("!event.userId.endsWith('x')", "the user id does not end with \"x\"");
        check("event.userId.matches('^u[0-9]+$')", "the user id matches the pattern `^u[0-9]+$`");
        check("has(event.context.app)", "`context.app` is there");
        check("!has(event.userId) || event.userId != 'x'", "either the user id is missing or the user id is not \"x\"");
        check("!(vars.a || vars.b == 1)", "the variable `a` is false and the variable `b` is not 1");
        check("!(vars.a && vars.b)", "it is not so that the variable `a` is true and the variable `b` is true");
        check("consent.analytics && !consent.ads", "consent to analytics is given and consent to ads is not given");
        check("consent.analytics == false", "consent to analytics is not given");
        check("request.ip.inCidr('10.0.0.0/8')", "the sender's address is in the network 10.0.0.0/8");
        check(
            "!request.ip.inCidr(['10.0.0.0/8', '::1'])",
            "the sender's address is not in the network 10.0.0.0/8 or ::1",
        );
        check("request.cookies.theme == 'dark'", "the cookie `theme` is \"dark\"");
        check(
            "request.headers['x-a'] == request.query.a",
            "the header `x-a` of the request is the parameter `a` of the request",
        );
        check("url(event.context.page.url).host == 'a'", "the host of the page's URL is \"a\"");
        check("url(event.context.page.url).query.q == 'a'", "the parameter `q` of the page's URL is \"a\"");
        check("userAgent(event.context.userAgent).kind == 'pc'", "the kind that the user agent names is \"pc\"");
        check(
            "event.properties.products.exists(p, p.price > 10.0 && p.sku != 'x')",
            "for at least one of the property `products` it holds that its `price` is greater than 10 and its `sku` is not \"x\"",
        );
        check("event.properties.tags.all(t, t == 'a')", "for each of the property `tags` it holds that it is \"a\"");
        check("size(event.properties.products) > 2", "the length of the property `products` is greater than 2");
        check("event.?userId.orValue('none') != 'x'", "the user id, or else \"none\" is not \"x\"");
        check(
            "vars.a && (vars.b || vars.c)",
            "the variable `a` is true and (either the variable `b` is true or the variable `c` is true)",
        );
        check(
            "visitor.country in ['AT', 'DE'] && !visitor.bot",
            "the visitor's country is one of \"AT\" or \"DE\" and the visitor is not a bot",
        );
        check("true", "always");
    }

    #[test]
    fn what_has_no_words_has_none() {
        let check = |source: &str| assert_eq!(condition(source), None, "{source}");
        check("event.a ? event.b : event.c");
        check("event.a.map(x, x * 2.0) == event.b");
        check("event.a.filter(x, x > 1.0).size() > 1");
        check("event.a[event.b] == 1");
        check("((");
    }

    #[test]
    fn values_in_words() {
        let check = |source: &str, expected: &str| assert_eq!(value(source).as_deref(), Some(expected), "{source}");
        check("event.properties.total * 100.0", "the property `total` times 100");
        check("sha256(vars.email.lower())", "the SHA-256 digest of the variable `email` in small letters");
        check("'EUR'", "\"EUR\"");
        check("item.customer.id", "the element's `customer.id`");
    }
}
