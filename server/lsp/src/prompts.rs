//! The prompts of a connection: one stands at a time, the others queue; each is asked by one request of ours, and only
//! the response to that request, while it stands, is an answer.
//!
//! A prompt that nobody waits for any more is taken back with `$/cancelRequest`. Must not decide what an answer means.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use interline_log::SessionId;
use lsp_types::NumberOrString;
use lsp_types::notification::Cancel;
use lsp_types::request::Request as LspRequest;
use serde_json::Value;
use tower::Service as _;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Id, Request, Response};

use crate::connection::lock;

/// Prompts whose end is remembered, so that a late or second answer is told from an answer to nothing.
const REMEMBERED: usize = 256;

pub(crate) struct Prompts {
    client: Client,
    /// Fair: who asks first is shown first.
    turn: tokio::sync::Mutex<()>,
    queue: Mutex<Queue>,
    requests: Mutex<Requests>,
}

/// Counts since no prompt was there last.
#[derive(Clone, Copy, Default)]
struct Queue {
    waiting: u32,
    shown: u32,
    total: u32,
}

#[derive(Default)]
struct Requests {
    standing: Vec<(Id, Option<SessionId>)>,
    past: VecDeque<(Id, Option<SessionId>)>,
}

/// Something that looks like an answer to a prompt and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Whose prompt it was, where there was one.
    pub(crate) session: Option<SessionId>,
    pub(crate) reason: &'static str,
}

/// A place in the queue.
pub(crate) struct Place<'a> {
    prompts: &'a Prompts,
    shown: bool,
}

impl Prompts {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            turn: tokio::sync::Mutex::default(),
            queue: Mutex::default(),
            requests: Mutex::default(),
        })
    }

    /// Queues a prompt at once; it is shown when it is its turn.
    pub(crate) fn queue(&self) -> Place<'_> {
        let mut queue = lock(&self.queue);
        queue.waiting += 1;
        queue.total += 1;
        Place {
            prompts: self,
            shown: false,
        }
    }

    /// Looks at a reply of the client's before whoever waits for it: is it what only looks like an answer?
    pub(crate) fn look(&self, reply: &Response) -> Option<Refused> {
        let mut requests = lock(&self.requests);
        let standing = requests
            .standing
            .iter()
            .position(|(id, _)| id == reply.id());
        if let Some(at) = standing {
            let answered = requests.standing.swap_remove(at);
            requests.remember(answered);
            return None;
        }
        let past = requests.past.iter().find(|(id, _)| id == reply.id());
        let session = past.and_then(|(_, session)| *session);
        let reason = match past {
            Some(_) => "it came again, or after the prompt had been taken back",
            None => "nothing was asked",
        };
        looks_like_an_answer(reply.result()?).then_some(Refused { session, reason })
    }

    /// Asks by a request; `None` where the client fails. Dropped, the request is taken back.
    pub(crate) async fn request<R: LspRequest>(
        &self,
        params: R::Params,
        session: Option<SessionId>,
    ) -> Option<R::Result> {
        let id = self.client.next_request_id();
        let params = serde_json::to_value(params).ok()?;
        let request = Request::build(R::METHOD).params(params).id(id.clone());
        lock(&self.requests).standing.push((id.clone(), session));
        let _taken_back = TakenBack { prompts: self, id };
        let response = self
            .client
            .clone()
            .call(request.finish())
            .await
            .ok()
            .flatten()?;
        serde_json::from_value(response.into_parts().1.ok()?).ok()
    }
}

impl Requests {
    fn remember(&mut self, request: (Id, Option<SessionId>)) {
        if self.past.len() == REMEMBERED {
            self.past.pop_front();
        }
        self.past.push_back(request);
    }
}

impl Place<'_> {
    /// Waits for the prompts before it, then asks what `ask` makes of its number and the count of all: `(2, 3)` is the
    /// second of three.
    pub(crate) async fn ask<R: LspRequest>(
        mut self,
        session: Option<SessionId>,
        params: impl FnOnce(u32, u32) -> R::Params,
    ) -> Option<R::Result> {
        let prompts = self.prompts;
        let _one_at_a_time = prompts.turn.lock().await;
        let Queue { shown, total, .. } = {
            let mut queue = lock(&prompts.queue);
            queue.shown += 1;
            *queue
        };
        self.shown = true;
        prompts.request::<R>(params(shown, total), session).await
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.prompts.queue);
        queue.waiting -= 1;
        if !self.shown {
            queue.total -= 1;
        }
        if queue.waiting == 0 {
            *queue = Queue::default();
        }
    }
}

/// Tells the client, where no answer has come.
struct TakenBack<'a> {
    prompts: &'a Prompts,
    id: Id,
}

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        let mut requests = lock(&self.prompts.requests);
        let Some(at) = requests.standing.iter().position(|(id, _)| *id == self.id) else {
            return;
        };
        let unanswered = requests.standing.swap_remove(at);
        requests.remember(unanswered);
        let Id::Number(id) = self.id else { return };
        let Ok(id) = i32::try_from(id) else { return };
        let client = self.prompts.client.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let params = lsp_types::CancelParams {
                    id: NumberOrString::Number(id),
                };
                client.send_notification::<Cancel>(params).await;
            });
        }
    }
}

/// Has it the shape of an answer that is not a no?
fn looks_like_an_answer(result: &Value) -> bool {
    let says = |key: &str, no: &str| {
        let word = result.get(key).and_then(Value::as_str);
        word.is_some_and(|word| word != no)
    };
    says("answer", "deny") || says("title", "Deny")
}
