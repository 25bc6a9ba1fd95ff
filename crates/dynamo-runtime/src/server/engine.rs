//! `POST /engine/<name>`: calls what the user has registered, with the JSON of the request.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::Value;

use super::StatusProvider;
use crate::engine::{EngineHandler, InProgress};

/// What the paths of these routes begin with.
pub(super) const PREFIX: &str = "/engine/";

/// The largest body of a request, in bytes: it is parsed on the thread that serves.
const MAX_BODY: usize = 1 << 20;

/// The body of a response to a call that failed, as in Dynamo.
#[derive(Serialize)]
struct Failure {
    error: &'static str,
    message: String,
}

pub(super) fn routes(provider: Arc<dyn StatusProvider>) -> Router {
    let call = post(call).layer(DefaultBodyLimit::max(MAX_BODY));
    Router::new().route("/engine/{*name}", call.with_state(provider))
}

async fn call(
    State(provider): State<Arc<dyn StatusProvider>>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let routes = provider.engine_routes();
    let Some(handler) = routes.and_then(|routes| routes.find(&name)) else {
        let message = format!("Route {PREFIX}{name} not found");
        return failure(StatusCode::NOT_FOUND, "Route not found", message);
    };
    let body = match body {
        Ok(body) if body.is_empty() => Bytes::from_static(b"{}"),
        Ok(body) => body,
        Err(rejection) => {
            return failure(rejection.status(), "Invalid body", rejection.body_text());
        }
    };
    let value = match serde_json::from_slice::<Value>(&body) {
        Ok(value) => value,
        Err(error) => {
            return failure(StatusCode::BAD_REQUEST, "Invalid JSON", error.to_string());
        }
    };
    let Some(in_progress) = routes.and_then(|routes| routes.begin()) else {
        let message = format!("too many calls of {PREFIX} are in progress: try again");
        return failure(StatusCode::SERVICE_UNAVAILABLE, "Too many calls", message);
    };
    match respond(&handler, &name, value, &body, in_progress).await {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(message) => failure(StatusCode::INTERNAL_SERVER_ERROR, "Handler error", message),
    }
}

/// Counts the call as in progress until the handler has returned, even if the client disconnects.
async fn respond(
    handler: &EngineHandler,
    name: &str,
    value: Value,
    body: &[u8],
    in_progress: InProgress,
) -> Result<String, String> {
    const NO_RESPONSE: &str = "the handler ended without a response: see the log of this process";
    let result = match handler {
        EngineHandler::Function(function) => {
            let function = Arc::clone(function);
            let run = move || {
                let _in_progress = in_progress;
                function(value).map(|response| response.to_string())
            };
            tokio::task::spawn_blocking(run).await.ok()
        }
        EngineHandler::Queued(object, queue) => {
            let result = queue.push(Arc::clone(object), name, body.to_vec());
            let waiting = tokio::spawn(async move {
                let _in_progress = in_progress;
                result.await.ok()
            });
            waiting.await.ok().flatten()
        }
    };
    result.unwrap_or_else(|| Err(NO_RESPONSE.to_owned()))
}

fn failure(status: StatusCode, error: &'static str, message: String) -> Response {
    (status, Json(Failure { error, message })).into_response()
}
