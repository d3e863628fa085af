//! A collector's WebSocket: messages in, answers and news out.

use super::exchange::{Exchange, refused, unavailable};
use super::principal::Principal;
use crate::app::App;
use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout};
use warren_opamp::{AgentToServer, ServerToAgent, frame};
use warren_telemetry::Field;

/// Connections are numbered: the newest of a collector counts.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Time between pings.
const PING: Duration = Duration::from_secs(27);

/// How many pings may go unanswered.
const PINGS_MAX: u32 = 2;

/// How long a collector may take to read a message.
const PATIENCE: Duration = Duration::from_secs(30);

/// Malformed messages in a row after which the connection is closed.
const MALFORMED_MAX: u32 = 3;

/// Messages, of whatever kind, at once, and how many more each second.
const BUDGET: (f64, f64) = (50.0, 5.0);

/// Close codes of WebSockets.
const MALFORMED: u16 = 1007;
const POLICY: u16 = 1008;
const RESTART: u16 = 1012;

/// Serves a connection to its end.
pub(super) async fn serve(app: App, principal: Principal, socket: WebSocket, _seat: OwnedSemaphorePermit) {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let wake = Arc::new(Notify::new());
    app.figures.connections.add(1.0);
    let server = principal.server.clone();
    let mut exchange = Exchange::new(app.clone(), principal, Some((number, Arc::clone(&wake))));
    let reason = converse(&app, &mut exchange, number, &wake, socket).await;
    app.figures.connections.add(-1.0);
    if let Some(uid) = exchange.uid {
        app.hub.gone(&uid.to_string(), number, app.store.is_shared());
    }
    app.log.debug("A collector's connection ended", &[("server", Field::Str(&server)), ("reason", Field::Str(&reason))]);
}

async fn converse(app: &App, exchange: &mut Exchange, number: u64, wake: &Notify, mut socket: WebSocket) -> String {
    let (mut malformed, mut pings) = (0, 0);
    let (mut budget, mut refilled) = (BUDGET.0, Instant::now());
    let mut ping = Instant::now() + PING;
    loop {
        let out = tokio::select! {
            received = socket.recv() => match received {
                None => return "it ended".to_owned(),
                Some(Err(error)) => return error.to_string(),
                Some(Ok(message)) => {
                    pings = 0;
                    budget = (budget + refilled.elapsed().as_secs_f64() * BUDGET.1).min(BUDGET.0) - 1.0;
                    refilled = Instant::now();
                    if budget < 0.0 {
                        app.figures.refused.add(1);
                        return close(socket, POLICY, "too many messages").await;
                    }
                    match message {
                        WsMessage::Close(_) => return "the collector closed it".to_owned(),
                        WsMessage::Text(_) => return close(socket, MALFORMED, "messages are binary").await,
                        WsMessage::Ping(_) | WsMessage::Pong(_) => None,
                        WsMessage::Binary(bytes) => match frame::decode::<AgentToServer>(&bytes) {
                            Ok(message) => {
                                malformed = 0;
                                // Of those that say nothing only the place for this is kept.
                                Some(Box::pin(exchange.answer(message)).await)
                            }
                            Err(error) => {
                                malformed += 1;
                                app.figures.refused.add(1);
                                if malformed >= MALFORMED_MAX {
                                    return close(socket, MALFORMED, "no messages of OpAMP").await;
                                }
                                Some(Ok(refused(&AgentToServer::default(), &error.to_string())))
                            }
                        },
                    }
                }
            },
            () = wake.notified() => {
                if exchange.uid.is_some_and(|uid| !app.hub.counts(&uid.to_string(), number)) {
                    return close(socket, POLICY, "another connection took its place").await;
                }
                if exchange.uid.is_some_and(|uid| app.hub.is_sent_away(&uid.to_string())) {
                    return close(socket, RESTART, "this node ends").await;
                }
                match exchange.is_welcome().await {
                    Ok(false) => return close(socket, POLICY, "the credential is not good any more").await,
                    Ok(true) => Box::pin(exchange.news()).await.transpose(),
                    Err(error) => Some(Err(error)),
                }
            }
            () = sleep_until(ping) => {
                if pings >= PINGS_MAX {
                    return "it does not answer".to_owned();
                }
                pings += 1;
                ping = Instant::now() + PING;
                if !matches!(timeout(PATIENCE, socket.send(WsMessage::Ping(Vec::new().into()))).await, Ok(Ok(()))) {
                    return "it does not read".to_owned();
                }
                None
            }
        };
        match out {
            None => {}
            Some(Ok(answer)) if send(&mut socket, &answer).await => {}
            Some(Ok(_)) => return "it does not read".to_owned(),
            Some(Err(error)) => {
                app.log.error("A collector cannot be served", &[("error", Field::Display(&error))]);
                send(&mut socket, &unavailable(exchange.uid)).await;
                return close(socket, RESTART, "the store does not answer").await;
            }
        }
    }
}

async fn send(socket: &mut WebSocket, answer: &ServerToAgent) -> bool {
    matches!(timeout(PATIENCE, socket.send(WsMessage::Binary(frame::encode(answer).into()))).await, Ok(Ok(())))
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) -> String {
    let _ =
        timeout(Duration::from_secs(1), socket.send(WsMessage::Close(Some(CloseFrame { code, reason: reason.into() })))).await;
    reason.to_owned()
}
