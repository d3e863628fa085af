//! Settings of `router`.

use super::{Base, Compile, Settings};
use crate::Template;
use crate::work::{Route, Work};
use indexmap::IndexMap;
use warren_config::{Block, Fields};

/// `router`
#[derive(Debug, Default)]
pub(crate) struct Router {
    base: Base,
    routes: Vec<RouteSettings>,
    default: Vec<String>,
}

/// One route.
#[derive(Debug, Default)]
struct RouteSettings {
    expr: String,
    output: Vec<String>,
    attributes: IndexMap<String, String>,
}

impl Block for RouteSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("expr", &mut self.expr);
        f.list("output", &mut self.output);
        f.map("attributes", &mut self.attributes);
    }
}

impl Block for Router {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.base);
        f.blocks("routes", &mut self.routes);
        f.list("default", &mut self.default);
    }
}

impl Settings for Router {
    fn base(&self) -> &Base {
        &self.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        let mut routes = Vec::new();
        for route in &self.routes {
            let condition = cx.condition("routes", &route.expr);
            let mut attributes = Vec::new();
            for (key, text) in &route.attributes {
                match Template::new(text) {
                    Ok(template) => attributes.push((key.as_str().into(), template)),
                    Err(error) => {
                        cx.fault("routes", format!("failed to build attributer for route '{}': {error}", route.expr));
                        return None;
                    }
                }
            }
            routes.push(Route { condition: Some(condition?), attributes, outputs: Vec::new(), named: route.output.clone() });
        }
        if !self.default.is_empty() {
            routes.push(Route { condition: None, attributes: Vec::new(), outputs: Vec::new(), named: self.default.clone() });
        }
        if routes.is_empty() {
            return cx.missing("", "routes", "a router needs routes or a default");
        }
        Some(Work::Route(routes))
    }
}
