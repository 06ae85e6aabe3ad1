using System.Collections.Concurrent;
using System.Security.Cryptography;
using Metering.Enforcement;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Units;

namespace Metering.Service.Enforcement;

/// <summary>
/// The commands that answers to agents carry. Each holds for five minutes and is signed anew after one, so that a service that is gone leaves no limit behind; a release is said for as long as a command holds.
/// </summary>
internal sealed class CommandBoard(TimeProvider clock)
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Renewal = TimeSpan.FromMinutes(1);
    private const int MostInOneAnswer = 500;

    private readonly ConcurrentDictionary<string, (EnforcementRow Row, long SignedAt, Command Command)> _signed = new(StringComparer.Ordinal);
    private ECDsa? _key;
    private volatile IReadOnlyDictionary<string, Command[]> _byHost = new Dictionary<string, Command[]>();

    public IReadOnlyList<Command> For(string host) => _byHost.GetValueOrDefault(host) ?? [];

    /// <summary>From now on, these; with another key than before, all are signed anew.</summary>
    public void Set(IReadOnlyList<EnforcementRow> rows, ECDsa key)
    {
        if (!ReferenceEquals(Interlocked.Exchange(ref _key, key), key)) _signed.Clear();
        foreach (var gone in _signed.Keys.Except(rows.Select(row => row.Id)).ToList()) _signed.TryRemove(gone, out _);
        _byHost = rows.GroupBy(row => row.Host, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Take(MostInOneAnswer).Select(row => Signed(row, key)).ToArray(), StringComparer.Ordinal);
    }

    private Command Signed(EnforcementRow row, ECDsa key)
    {
        var now = clock.GetUtcNow().ToUnixMicroseconds();
        if (_signed.TryGetValue(row.Id, out var known) && known.Row == row && now - known.SignedAt < Renewal.Microseconds()) return known.Command;
        var release = row.ReleasedAt is not null;
        var value = row.Action == EnforcementAction.CpuMax.File() ? row.Value * 1000 : row.Value;
        var order = new EnforcementOrder(release ? row.Id + "-release" : row.Id, row.Host, now + Life.Microseconds(), row.Action, row.Path, value, row.Quota, release ? row.ReleasedWhy ?? "" : row.Reason, release ? row.Id : null, row.DryRun, row.CrossedBy);
        var command = CommandSeal.Sign(order, key);
        _signed[row.Id] = (row, now, command);
        return command;
    }
}
