using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts.Routing;

/// <summary>Endpoints and silences as a transaction sees them; read once in each, when its first alert is recorded.</summary>
internal sealed class AlertRoutes
{
    private static readonly ConditionalWeakTable<LedgerTransaction, AlertRoutes> Read = [];

    private readonly List<(string Id, EndpointSettings Settings)> _endpoints;
    private readonly List<Silence> _silences;

    private AlertRoutes(List<(string, EndpointSettings)> endpoints, List<Silence> silences) => (_endpoints, _silences) = (endpoints, silences);

    public static async Task<AlertRoutes> OfAsync(LedgerTransaction transaction, DateTimeOffset now)
    {
        if (Read.TryGetValue(transaction, out var known)) return known;
        var endpoints = await transaction.Context.Set<Webhook>().AsNoTracking().OrderBy(webhook => webhook.Id).ToListAsync();
        var routes = new AlertRoutes(endpoints.ConvertAll(webhook => (webhook.Id, webhook.ReadSettings())),
            await SilencesAsync(transaction.Command("SELECT id, match, starts_at, ends_at, author, comment FROM silence WHERE ends_at > @now ORDER BY id", ("@now", now.ToUnixMicroseconds())), CancellationToken.None));
        Read.Add(transaction, routes);
        return routes;
    }

    /// <summary>The endpoints that are named, and those whose route takes the alert.</summary>
    public IEnumerable<(string Id, EndpointSettings Settings)> Of(IReadOnlyCollection<string> named, IReadOnlyDictionary<string, string> labels) =>
        _endpoints.Where(endpoint => named.Contains(endpoint.Id, StringComparer.Ordinal) || endpoint.Settings.Route?.Matches(labels) == true);

    public EndpointSettings? Find(string id) => _endpoints.FirstOrDefault(endpoint => endpoint.Id == id).Settings;

    /// <summary>The silence that ends last of those that hold now; null: none does.</summary>
    public Silence? SilenceOf(IReadOnlyDictionary<string, string> labels, DateTimeOffset now) => _silences.Where(silence => silence.IsActive(now) && silence.Matches(labels)).MaxBy(silence => silence.EndsAt);

    /// <summary>Rows of id, match, starts_at, ends_at, author, comment.</summary>
    public static async Task<List<Silence>> SilencesAsync(DbCommand command, CancellationToken cancel)
    {
        var silences = new List<Silence>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            silences.Add(new Silence(rows.GetString(0), JsonSerializer.Deserialize<Dictionary<string, string>>(rows.GetString(1), LedgerJson.Options)!,
                UnixTime.FromMicroseconds(rows.GetInt64(2)), UnixTime.FromMicroseconds(rows.GetInt64(3)), rows.GetString(4), rows.GetString(5)));
        }

        return silences;
    }
}
