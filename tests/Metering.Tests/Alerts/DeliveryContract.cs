using System.Globalization;
using Metering.Service.Alerts;
using Metering.Service.Alerts.Channels;
using Metering.Service.Alerts.Routing;
using Metering.Service.Ledger;
using Metering.Tests.Support;
using Metering.Units;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Alerts;

/// <summary>Outbox, routing, delivery and silences, whatever database the ledger is kept in. The clock is driven by hand; what is sent is sent through real channels.</summary>
public abstract partial class DeliveryContract : IAsyncLifetime
{
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 3, 0, 0, 0, TimeSpan.Zero));
    private readonly string _logs = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-logs-" + Path.GetRandomFileName())).FullName;
    private readonly List<IDisposable> _senders = [];
    private LedgerStore _store = null!;
    private string _connectionString = "";
    private AlertsOptions _options = null!;

    protected abstract Task<string> ConnectionStringAsync();

    /// <summary>Events of the largest test.</summary>
    protected virtual int Many => 10_000;

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new AlertsOptions { LogDirectory = Path.Combine(_logs, "logs"), TimeoutSeconds = 5 };
        _connectionString = await ConnectionStringAsync();
        _store = LedgerStore.Create(new LedgerOptions { ConnectionString = _connectionString });
        await _store.OpenAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var sender in _senders) sender.Dispose();
        if (_store is not null) await _store.DisposeAsync();
        Directory.Delete(_logs, recursive: true);
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    private WebhookDispatcher Dispatcher(LedgerStore? store = null)
    {
        AddressPolicy.TryCreate(["127.0.0.1"], out var policy, out _);
        var sender = new WebhookSender(policy, new FakeResolver([]), _clock, _options.Timeout, NullLogger<WebhookSender>.Instance);
        _senders.Add(sender);
        var catalogue = new ChannelCatalogue(sender, policy, new GuardedConnector(policy, new FakeResolver([])), _options, _clock);
        return new WebhookDispatcher(store ?? _store, catalogue, new RetrySchedule(new Random(1)), _clock, NullLogger<WebhookDispatcher>.Instance);
    }

    private AlertKeeper Keeper() => new(_store, Dispatcher(), _options, _clock, NullLogger<AlertKeeper>.Instance);

    private Task EndpointAsync(string id, EndpointSettings settings) => _store.WriteAsync(async transaction =>
    {
        var webhook = new Webhook { Id = id, Secret = WebhookSecret.Generate().Reveal() };
        webhook.Write(settings);
        transaction.Context.Add(webhook);
        await transaction.Context.SaveChangesAsync(Cancel);
    }, Cancel);

    private static EndpointSettings Log(string file) => new() { Channel = "log", File = file };

    private Task EventsAsync(string endpoint, int count, int from = 1) => _store.WriteAsync(async transaction =>
    {
        for (var i = from; i < from + count; i++) await Outbox.AddEventAsync(transaction, $"e{i}", "test", "s", [endpoint], _clock.GetUtcNow(), data => data.WriteNumber("n", i));
    }, Cancel);

    private Task AlertAsync(string state, string quota = "cpu", string tenant = "acme", int transition = 1, string[]? named = null, decimal threshold = 80) => _store.WriteAsync(transaction => Outbox.AddAsync(
        transaction, $"{quota}_{tenant}_{threshold}_{transition}", tenant, new QuotaCrossed
        {
            Quota = quota, Subject = new Dictionary<string, string> { ["tenant"] = tenant }, Meter = "cpuSeconds", WindowStart = _clock.GetUtcNow(), WindowEnd = _clock.GetUtcNow().AddDays(1), Threshold = threshold, Limit = 100,
            Value = threshold, State = state, Transition = transition, Severity = threshold >= 100 ? "critical" : "warning",
        }, named ?? [], _clock.GetUtcNow()), Cancel);

    /// <summary>What the files of the log channel hold: ids of events, in order.</summary>
    private string Sent(string file)
    {
        var path = Path.Combine(_options.LogDirectory, file);
        return !File.Exists(path) ? "" : string.Join(' ', File.ReadLines(path).Select(line => System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(line)).Select(json =>
            json.GetProperty("type").GetString() == CloudEvent.AlertsType ? "[" + string.Join(' ', json.GetProperty("data").GetProperty("alerts").EnumerateArray().Select(one => one.GetProperty("id").GetString())) + "]" : json.GetProperty("id").GetString()));
    }

    private async Task SendAsync()
    {
        await Keeper().RunAsync(Cancel);
        await Dispatcher().RunDueAsync(Cancel);
    }

    private async Task<Delivery> DeliveryAsync(string endpoint, string eventId)
    {
        await using var context = await _store.ReadContextAsync(Cancel);
        return await context.Set<Delivery>().AsNoTracking().SingleAsync(delivery => delivery.Webhook == endpoint && delivery.EventId == eventId, Cancel);
    }

    private async Task<Webhook> EndpointAsync(string id)
    {
        await using var context = await _store.ReadContextAsync(Cancel);
        return await context.Set<Webhook>().AsNoTracking().SingleAsync(webhook => webhook.Id == id, Cancel);
    }

    private async Task<long> CountAsync(string table)
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COUNT(*) FROM " + table;
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancel), CultureInfo.InvariantCulture);
    }
}
