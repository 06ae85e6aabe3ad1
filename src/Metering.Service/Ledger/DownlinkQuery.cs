using Metering.Messages;

namespace Metering.Service.Ledger;

/// <summary>How far the ledger is with an agent.</summary>
public static class DownlinkQuery
{
    /// <summary>For the epoch given, or the host's newest; an epoch that nobody knows has committed nothing. Null when no epoch is given and the host is unknown.</summary>
    public static async Task<Downlink?> FindAsync(LedgerStore store, string host, string? epoch, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = epoch is null
            ? "SELECT epoch, committed FROM agent WHERE host = @host ORDER BY last_seen_at DESC LIMIT 1"
            : "SELECT epoch, committed FROM agent WHERE host = @host AND epoch = @epoch";
        Add("@host", host);
        if (epoch is not null) Add("@epoch", epoch);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        if (await rows.ReadAsync(cancel)) return new Downlink { AgentEpoch = rows.GetString(0), CommittedSequence = (ulong)rows.GetInt64(1) };
        return epoch is null ? null : new Downlink { AgentEpoch = epoch };

        void Add(string name, string value)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }
    }
}
