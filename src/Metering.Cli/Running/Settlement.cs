using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;

namespace Metering.Cli.Running;

/// <summary>Waits until the ledger has what the kernel counted for a path.</summary>
internal sealed class Settlement(ApiClient client, string host, string path, DateTimeOffset from, TimeProvider clock)
{
    private const int Passes = 4;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200), AtLeast = TimeSpan.FromSeconds(30);

    // Paths of runs have one length, so the prefix is theirs alone and what they made below it.
    private string Query => $"from={Uri.EscapeDataString(from.UtcDateTime.ToString("O", CultureInfo.InvariantCulture))}&groupBy=workload,tenant&limit=10000&filter={Uri.EscapeDataString("path:" + path + "*")}&filter={Uri.EscapeDataString("host:" + host)}";

    /// <summary>The ledger's figure; equal to the kernel's when <paramref name="kernel"/> was reached in time.</summary>
    /// <param name="row">The host's row of <c>/v1/hosts</c> from before the run: it tells how far passes lie apart.</param>
    public async Task<long> WaitAsync(Func<long> kernel, JsonElement row, CancellationToken cancel)
    {
        var ended = clock.GetUtcNow();
        var began = clock.GetTimestamp();
        var bound = Bound(row);
        var told = false;
        HashSet<string> passes = [];
        while (true)
        {
            var billed = await BilledAsync(cancel);
            if (billed == kernel()) return billed;
            var last = await LastWindowEndAsync(cancel);
            if (last is { } at && at > ended) passes.Add(at.ToString("O", CultureInfo.InvariantCulture));
            if (passes.Count >= Passes || clock.GetElapsedTime(began) > bound) return billed;
            if (!told) await Console.Error.WriteLineAsync("metering: waiting for the next pass of the agent …");
            told = true;
            await Task.Delay(LookEvery, clock, cancel);
        }
    }

    /// <summary>Cost and tenant of the run; a cost of null means that no price holds.</summary>
    public async Task<(decimal? Cost, string? Currency, string? Tenant)> CostAsync(CancellationToken cancel)
    {
        decimal? cost = null;
        string? currency = null, tenant = null;
        foreach (var row in (await client.GetAsync("v1/costs?" + Query, cancel)).GetProperty("rows").EnumerateArray())
        {
            tenant ??= Tables.Text(row.GetProperty("key"), "tenant");
            if (row.GetProperty("cost").ValueKind != JsonValueKind.Number) continue;
            cost = (cost ?? 0) + row.GetProperty("cost").GetDecimal();
            currency ??= Tables.Text(row, "currency");
        }

        return (cost, currency, tenant);
    }

    private async Task<long> BilledAsync(CancellationToken cancel)
    {
        var seconds = 0m;
        foreach (var row in (await client.GetAsync("v1/usage?" + Query, cancel)).GetProperty("rows").EnumerateArray())
        {
            if (row.GetProperty("quantities").TryGetProperty("cpuSeconds", out var cpu)) seconds += cpu.GetDecimal();
        }

        return (long)(seconds * 1_000_000);
    }

    private async Task<DateTimeOffset?> LastWindowEndAsync(CancellationToken cancel)
    {
        foreach (var row in (await client.GetAsync("v1/hosts", cancel)).GetProperty("hosts").EnumerateArray())
        {
            if (Tables.Text(row, "host") == host) return row.GetProperty("lastWindowEnd").GetDateTimeOffset();
        }

        return null;
    }

    // A pass makes at least one batch, so the time metered over their number is about the interval.
    internal static TimeSpan Bound(JsonElement row)
    {
        var metered = row.GetProperty("lastWindowEnd").GetDateTimeOffset() - row.GetProperty("firstWindowStart").GetDateTimeOffset();
        var batches = Math.Max(row.GetProperty("committedSequence").GetInt64() - 1, 1);
        var bound = TimeSpan.FromTicks(Math.Clamp(metered.Ticks / batches, 0, TimeSpan.FromMinutes(15).Ticks)) * Passes;
        return bound < AtLeast ? AtLeast : bound;
    }
}
