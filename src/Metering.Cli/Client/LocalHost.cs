using System.Text.Json;
using Metering.Agent.Cgroups;
using Metering.Safety;
using Microsoft.Data.Sqlite;

namespace Metering.Cli.Client;

/// <summary>Finds this machine among the hosts that the service knows.</summary>
internal static class LocalHost
{
    /// <summary>The id that the service knows this machine by, and its row of <c>/v1/hosts</c>. Throws when it is not metered.</summary>
    public static async Task<(string Id, JsonElement Host)> FindAsync(ApiClient client, string dataDirectory, CancellationToken cancel)
    {
        var local = OfJournal(dataDirectory) ?? HostFacts.DefaultHostId();
        var hosts = (await client.GetAsync("v1/hosts", cancel)).GetProperty("hosts").EnumerateArray().ToList();
        if (hosts.Find(host => Tables.Text(host, "host") == local) is { ValueKind: JsonValueKind.Object } mine) return (local, mine);
        if (hosts is [var only]) return (Tables.Text(only, "host"), only);
        throw new UserErrorException(hosts.Count == 0
            ? $"The service at {client.Url} meters no host yet; start 'metering up' or an agent here and wait for its first pass (a reader's key sees no hosts)."
            : $"This machine is not among the {hosts.Count} hosts of the service at {client.Url} (its id would be {local}); start an agent here, or give the --data of the running one.");
    }

    // Read only: the journal belongs to the agent.
    internal static string? OfJournal(string dataDirectory)
    {
        var file = Path.Combine(dataDirectory, "journal.db");
        if (!File.Exists(file)) return null;
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT value FROM meta WHERE key = 'host'";
            return command.ExecuteScalar() as string;
        }
        catch (SqliteException)
        {
            return null;
        }
    }
}
