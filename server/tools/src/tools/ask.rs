//! `ask`: a question to the user.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::editor::Question;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::tool::{Answer, Context, Stop, Tool};
use crate::visible;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    question: String,
    /// Answers to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
}

impl Tool for Ask {
    const NAME: &'static str = "ask";
    const DESCRIPTION: &'static str = "Ask the user one question and wait. Only for what you can't find out yourself and \
        must not guess.";
    const ACCESS: Access = Access::Interact;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        format!("asking: {}", self.question)
    }

    fn facts(&self, _: &Environment) -> Result<Facts, String> {
        Ok(Facts::default())
    }

    fn detail(&self) -> Option<String> {
        Some(self.question.clone())
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let editor = &context.environment.editor;
        if editor.abilities().headless {
            return Err(Stop::Failed(
                "nobody is there to answer: decide yourself and say what you assumed".to_owned(),
            ));
        }
        let question = Question {
            session: context.environment.session,
            text: visible::lines(&self.question),
            options: self
                .options
                .iter()
                .map(|option| interline_policy::visible(option))
                .collect(),
        };
        match context.unless_cancelled(editor.question(question)).await? {
            Some(answer) => {
                let told = format!("the user answers: {answer}");
                Ok(Answer::new(&told, &told))
            }
            None => Err(Stop::Failed(
                "the user gave no answer: go on without it where that is safe, else stop and say what is open"
                    .to_owned(),
            )),
        }
    }
}
