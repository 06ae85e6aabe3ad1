using Metering.Service.Alerts;
using Metering.Service.Alerts.Routing;

namespace Metering.Service.Ui;

/// <summary>What the page of alerts shows, as of one reading. Endpoints and silences are for admins; others have none.</summary>
internal sealed record AlertsView(DateTimeOffset ReadAt, IReadOnlyList<AlertLine> Alerts, IReadOnlyList<EndpointLine> Endpoints, IReadOnlyList<Silence> Silences);
