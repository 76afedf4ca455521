//! `todo`: the session's list of things to do, replaced whole.

use interline_log::{Access, EventData, RetryClass, TodoItem, TodoStatus};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Todo {
    items: Vec<Item>,
}

/// As in the log, but closed: a field that we don't know is an error that the model can repair.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    text: String,
    status: TodoStatus,
}

impl Tool for Todo {
    const NAME: &'static str = "todo";
    const DESCRIPTION: &'static str = "Set your list of things to do, whole, for work of three steps or more; the user \
        sees it. One item is active at a time; mark it done as soon as it is.";
    const ACCESS: Access = Access::Interact;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        "noting what is to be done".to_owned()
    }

    fn facts(&self, _: &Environment) -> Result<Facts, String> {
        Ok(Facts::default())
    }

    async fn run(self, _: Context) -> Result<Answer, Stop> {
        let is = |status| move |item: &&Item| item.status == status;
        let done = self.items.iter().filter(is(TodoStatus::Done)).count();
        let summary = match self.items.iter().find(is(TodoStatus::Active)) {
            Some(active) => format!("{done}/{} done: {}", self.items.len(), active.text),
            None => format!("{done}/{} done", self.items.len()),
        };
        let items = self.items.into_iter().map(TodoItem::from).collect();
        Ok(Answer::new("noted", summary).with_events(vec![EventData::TodoSet { items }]))
    }
}

impl From<Item> for TodoItem {
    fn from(item: Item) -> Self {
        Self {
            text: item.text,
            status: item.status,
        }
    }
}
