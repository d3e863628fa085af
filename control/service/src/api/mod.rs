//! The API for people and programs, `/api/v1`.

mod adoptions;
mod audit;
mod body;
mod config;
mod emergencies;
mod idempotency;
mod integrations;
mod packages;
mod profiles;
mod rollouts;
mod secrets;
mod servers;
mod settings;
mod tokens;

use crate::app::App;
use crate::problem::Cause;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use utoipa::OpenApi;
use warren_telemetry::Field;

/// The largest request that is taken.
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(OpenApi)]
#[openapi(
    info(title = "Warren", description = "Configurations of a fleet of collectors: made, given, watched."),
    paths(
        servers::list,
        servers::create,
        servers::import,
        servers::read,
        servers::update,
        servers::remove,
        servers::enrol,
        config::read,
        config::history,
        config::diff,
        config::retry,
        integrations::list,
        integrations::create,
        integrations::read,
        integrations::update,
        integrations::remove,
        settings::read,
        settings::update,
        settings::read_server,
        settings::update_server,
        settings::read_cluster,
        settings::update_cluster,
        profiles::read,
        profiles::create,
        adoptions::create,
        emergencies::list,
        emergencies::create,
        emergencies::remove,
        packages::list,
        packages::read,
        packages::create,
        packages::upload,
        packages::remove,
        rollouts::list,
        rollouts::create,
        rollouts::read,
        rollouts::servers,
        rollouts::act,
        secrets::list,
        secrets::update,
        secrets::list_fleet,
        secrets::update_fleet,
        tokens::list,
        tokens::create,
        tokens::revoke,
        audit::list,
    ),
    components(schemas(warren_fleet::Settings, warren_fleet::Integration, crate::problem::Problem))
)]
struct Document;

/// The description of the API.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub(crate) fn routes(app: &App) -> Router<App> {
    let cluster = "/tenants/{tenant}/clusters/{cluster}";
    Router::new()
        .route("/servers", get(servers::list).post(servers::create))
        .route("/servers/actions/import", post(servers::import))
        .route("/servers/{id}", get(servers::read).put(servers::update).delete(servers::remove))
        .route("/servers/{id}/enrolment-tokens", post(servers::enrol))
        .route("/servers/{id}/config", get(config::read))
        .route("/servers/{id}/config/history", get(config::history))
        .route("/servers/{id}/config/diff", get(config::diff))
        .route("/servers/{id}/actions/retry", post(config::retry))
        .route("/servers/{id}/settings", get(settings::read_server).put(settings::update_server))
        .route("/tenants/{tenant}/settings", get(settings::read).put(settings::update))
        .route(&format!("{cluster}/settings"), get(settings::read_cluster).put(settings::update_cluster))
        .route(&format!("{cluster}/integrations"), get(integrations::list).post(integrations::create))
        .route(
            &format!("{cluster}/integrations/{{id}}"),
            get(integrations::read).put(integrations::update).delete(integrations::remove),
        )
        .route("/tenants/{tenant}/secrets", get(secrets::list))
        .route("/tenants/{tenant}/secrets/{*name}", put(secrets::update))
        .route("/secrets", get(secrets::list_fleet))
        .route("/secrets/{*name}", put(secrets::update_fleet))
        .route("/profile", get(profiles::read).post(profiles::create))
        .route("/packages", get(packages::list).post(packages::create))
        .route("/packages/{version}", get(packages::read).delete(packages::remove))
        .route("/packages/{version}/{os}/{arch}/content", put(packages::upload))
        .route("/rollouts", get(rollouts::list).post(rollouts::create))
        .route("/rollouts/{number}", get(rollouts::read))
        .route("/rollouts/{number}/servers", get(rollouts::servers))
        .route("/rollouts/{number}/actions/{action}", post(rollouts::act))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/audit", get(audit::list))
        .route("/emergencies", get(emergencies::list).post(emergencies::create))
        .route("/emergencies/{number}", delete(emergencies::remove))
        .route("/openapi.json", get(openapi))
        .layer(axum::middleware::from_fn_with_state(app.clone(), idempotency::once))
        // Larger than what is kept in mind, and done once by itself: who is adopted is left alone.
        .route("/adoptions", post(adoptions::create).layer(DefaultBodyLimit::max(adoptions::BODY_BYTES_MAX)))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::map_response_with_state(app.clone(), told))
}

/// Writes down why something was not done, where that is not for whoever asked.
async fn told(State(app): State<App>, response: Response) -> Response {
    if let Some(Cause(cause)) = response.extensions().get() {
        app.log.error("The store does not do what it is asked", &[("error", Field::Str(cause))]);
    }
    response
}

async fn openapi() -> impl IntoResponse {
    axum::Json(document())
}

#[cfg(test)]
mod tests;
