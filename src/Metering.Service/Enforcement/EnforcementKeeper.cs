using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Units;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Enforcement;

/// <summary>
/// Turns quotas that are over their limit into commands for agents, and takes them back when they are over no more. One replica decides, in the transaction that records it;
/// every replica answers agents from what is recorded.
/// </summary>
internal sealed partial class EnforcementKeeper(LedgerStore store, LedgerOptions options, CommandBoard board, TimeProvider clock, ILogger<EnforcementKeeper> log) : BackgroundService, ICommandSource
{
    private const long Lock = 0x6d65_7465_7204;
    private const int Most = 10_000;

    // A scaled limit follows the overrun in steps of a twentieth: each is signed and written anew.
    private const int LeastChange = 20;

    // A quota that moves is told before its transaction commits: looked at a few times soon after.
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2), Soon = TimeSpan.FromMilliseconds(200);
    private const int LooksSoon = 4;
    private readonly SemaphoreSlim _wake = new(0, 1), _deciding = new(1);
    private QuotaCatalogue? _catalogue;
    private long _revision = -1;
    private volatile ECDsa? _key;
    private byte[] _private = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        store.QuotaMoved += Wake;
        try
        {
            for (var soon = 0; ;)
            {
                soon = await _wake.WaitAsync(soon > 0 ? Soon : Every, stoppingToken) ? LooksSoon : Math.Max(0, soon - 1);
                await DecideAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what agents hold expires by itself.
        }
        finally
        {
            store.QuotaMoved -= Wake;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<Command> For(string host) => board.For(host);

    /// <inheritdoc/>
    public async Task DecideAsync(CancellationToken cancel)
    {
        try
        {
            await TickAsync(cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogTrouble(log, e.Message);
        }
    }

    private void Wake()
    {
        lock (_wake)
        {
            if (_wake.CurrentCount == 0) _wake.Release();
        }
    }

    public override void Dispose()
    {
        _key?.Dispose();
        _wake.Dispose();
        _deciding.Dispose();
        base.Dispose();
    }

    /// <summary>Decides, when this replica is the one, and lays out what agents are told; one at a time.</summary>
    internal async Task TickAsync(CancellationToken cancel)
    {
        await _deciding.WaitAsync(cancel);
        try
        {
            await DecideAndTellAsync(cancel);
        }
        finally
        {
            _deciding.Release();
        }
    }

    private async Task DecideAndTellAsync(CancellationToken cancel)
    {
        if (await IsConcernedAsync(cancel)) await store.WriteAsync(transaction => DecideAsync(transaction, cancel), cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        var rows = await EnforcementLedger.ReadAsync(connection, null, clock.GetUtcNow() - CommandBoard.Life, Most, cancel);
        if (rows.Count > 0) await OpenKeyAsync(cancel);
        board.Set(rows, _key!);
    }

    /// <summary>The public key that commands are signed with from now on; told before the first of them goes out.</summary>
    internal event Action<byte[]>? SignsWith;

    // Looked up each time: another replica may have switched to the next one.
    private async Task OpenKeyAsync(CancellationToken cancel)
    {
        var stored = await EnforcementLedger.PrivateKeyAsync(store, cancel);
        if (_key is not null && stored.AsSpan().SequenceEqual(_private)) return;

        // The former one is left to the collector: another request may be signing with it.
        var key = EnforcementLedger.Open(stored);
        SignsWith?.Invoke(key.ExportSubjectPublicKeyInfo());
        (_private, _key) = (stored, key);
    }

    // Without a quota that enforces, and with nothing in force, nothing is written.
    private async Task<bool> IsConcernedAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT (SELECT COUNT(*) FROM enforcement WHERE released_at IS NULL) + (SELECT COUNT(*) FROM quota WHERE json LIKE '%\"enforce\":{%')";
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture) > 0;
    }

    private async Task DecideAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        if (store.IsPostgres && await transaction.ScalarAsync(transaction.Command("SELECT CASE WHEN pg_try_advisory_xact_lock(@lock) THEN 1 ELSE 0 END", ("@lock", Lock))) == 0) return;
        var now = clock.GetUtcNow();
        var catalogue = await LoadAsync(transaction, cancel);
        var grain = await LedgerGrain.ReadAsync(transaction, options);
        var breaches = await BreachesAsync(transaction, catalogue, grain, now, cancel);
        var open = (await EnforcementLedger.ReadAsync(transaction.Connection, transaction.Transaction, now, Most, cancel)).Where(row => row.ReleasedAt is null).ToList();
        foreach (var row in open)
        {
            var breach = breaches.Find(breach => breach.Quota.Id == row.Quota && breach.Enforce.Action == row.Action && (breach.Enforce.DryRun == true) == row.DryRun);
            if (breach is null) await ReleaseAsync(transaction, row, "the quota is not over its limit", now);
            else if (Math.Abs(breach.Value - row.Value) > row.Value / LeastChange) await EnforcementLedger.ChangeValueAsync(transaction, row.Id, breach.Value);
        }

        if (breaches.Count == 0) return;
        var bucket = now.ToUnixTimeSeconds() - 2 * grain.LengthAt(now.ToUnixTimeSeconds());
        foreach (var (breach, host, path) in await SubjectsAsync(transaction, catalogue, breaches, bucket))
        {
            var row = new EnforcementRow(IdOf(breach, host, path), breach.Quota.Id, host, path, breach.Enforce.Action, breach.Value, breach.Enforce.DryRun == true, breach.Reason, now, null, null) { CrossedBy = await EnforcementLedger.CrossedByAsync(transaction, breach.Quota.Id, breach.Since, host) };
            if (await EnforcementLedger.BeginAsync(transaction, row)) await AuditTrail.AddAsync(transaction, now, Who(row.Quota), "enforcement.begin", $"{host}{path}", null, AuditTrail.Text(row));
        }
    }

    private static async Task ReleaseAsync(LedgerTransaction transaction, EnforcementRow row, string why, DateTimeOffset now)
    {
        if (await EnforcementLedger.ReleaseAsync(transaction, row.Id, why, now))
            await AuditTrail.AddAsync(transaction, now, Who(row.Quota), "enforcement.release", row.Host + row.Path, AuditTrail.Text(row), AuditTrail.Text(row with { ReleasedAt = now, ReleasedWhy = why }));
    }

    // Quotas that enforce, of which a threshold at or above their mark is firing in a window that is not over.
    private static async Task<List<Breach>> BreachesAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, LedgerGrain grain, DateTimeOffset now, CancellationToken cancel)
    {
        var seconds = now.ToUnixTimeSeconds();
        var enforcing = catalogue.Quotas.Where(quota => quota.Document.Enforce is not null && !quota.IsPausedAt(seconds)).ToList();
        if (enforcing.Count == 0) return [];
        var states = await QuotaLedger.OpenStatesAsync(transaction, cancel);
        var found = new List<Breach>();
        foreach (var quota in enforcing)
        {
            var enforce = quota.Document.Enforce!;
            var firing = states[quota.Id].Where(state => state.State == QuotaState.Firing && (state.Window == 0 || state.WindowEnd > seconds) && state.Amount >= quota.Limit * (enforce.At ?? 100) / 100).OrderBy(state => state.Since).ToList();
            if (firing.Count == 0) continue;
            var value = enforce.Value ?? 1;
            if (enforce.Scaled == true && await UsedAsync(transaction, catalogue, quota, grain, seconds, cancel) is { } used && used > quota.Limit) value = Math.Max(1, (long)(value * (quota.Limit / used)));
            var reason = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"quota {quota.Id} is over {firing[^1].Amount:0.######} of {quota.Document.Meter}");
            found.Add(new Breach(quota, enforce, firing[0].Since, value, reason));
        }

        return found;
    }

    // As it is now; of a rate, whose minutes come and go, as it was when it fired.
    private static async Task<decimal?> UsedAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, CompiledQuota quota, LedgerGrain grain, long now, CancellationToken cancel)
    {
        if (quota.Slots == QuotaSlots.Minutes) return await QuotaLedger.LastValueAsync(transaction, quota.Id);
        var figures = (await QuotaWindows.ReadAsync(transaction, [(quota.Id, QuotaMeasure.Need(quota, [], now, grain, now))], cancel))[quota.Id].ToList();
        if (quota.Rolling > 0) return QuotaMeasure.Now(quota, figures, grain, catalogue.Prices, now).Value;
        var (start, end) = quota.WindowOf(now);
        return QuotaMeasure.Window(quota, figures, start, end, catalogue.Prices, now).Value;
    }

    // The workloads that used something lately and count for the quota.
    private static async Task<List<(Breach Breach, string Host, string Path)>> SubjectsAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, List<Breach> breaches, long from)
    {
        var found = new Dictionary<(string, string, string), (Breach, string, string)>();
        foreach (var (workload, owner, bucket) in await QuotaRebuild.UsersAsync(transaction, from))
        {
            var set = catalogue.Of(workload, owner, bucket);
            foreach (var breach in breaches.Where(breach => set.Set.Quotas.Any(quota => quota.Id == breach.Quota.Id))) found[(breach.Quota.Id, workload.Host, workload.Path)] = (breach, workload.Host, workload.Path);
        }

        return [.. found.Values];
    }

    // One for each time that the quota begins to fire: what an operator released stays released until then.
    private static string IdOf(Breach breach, string host, string path) =>
        "en_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{breach.Quota.Id}\n{breach.Since}\n{breach.Enforce.Action}\n{breach.Enforce.DryRun == true}\n{host}\n{path}")))[..24];

    private static ClaimsPrincipal Who(string quota) => new(new ClaimsIdentity([new Claim(ClaimTypes.Name, "quota:" + quota)], "quota"));

    private async Task<QuotaCatalogue> LoadAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        var revision = await LedgerSnapshot.RevisionAsync(transaction);
        if (_catalogue is { } known && _revision == revision) return known;
        (_catalogue, _revision) = (await QuotaCatalogue.LoadAsync(transaction.Context, cancel), revision);
        return _catalogue;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Enforcement could not be decided; trying again in 2 s: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);

    private sealed record Breach(CompiledQuota Quota, QuotaEnforcement Enforce, long Since, long Value, string Reason);
}
