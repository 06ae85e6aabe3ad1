using System.Runtime.CompilerServices;
using System.Text.Json;
using Metering.Agent;
using Metering.Cli.Client;
using Metering.Safety;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Microsoft.Data.Sqlite;

namespace Metering.Cli.Verification;

/// <summary>Where the events of a verification come from: the service, or the ledger itself.</summary>
internal static class VerifySource
{
    /// <summary>Asks the service; it reads its own ledger.</summary>
    public static async IAsyncEnumerable<VerifyEvent> OfServiceAsync(ApiClient client, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var response = await client.StreamAsync("v1/verify", cancel);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancel));
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            if (line.Length > 0 && JsonSerializer.Deserialize<VerifyEvent>(line, CliJson.Compact) is { } one) yield return one;
        }
    }

    /// <summary>Opens the ledger that the settings of the data directory name, for reading only; a service may be running on it.</summary>
    public static async IAsyncEnumerable<VerifyEvent> OfLedgerAsync(string dataDirectory, [EnumeratorCancellation] CancellationToken cancel)
    {
        var options = LedgerOptions.From(AgentConfiguration.Load(dataDirectory), dataDirectory);
        if (!options.IsPostgres && new SqliteConnectionStringBuilder(options.ConnectionString).DataSource is var file && !File.Exists(file))
            throw new UserErrorException($"There is no ledger '{file}'; give the --data directory of the service.");
        await using var store = LedgerStore.Create(options);
        await foreach (var one in new Verifier(store, options).RunAsync(cancel)) yield return one;
    }
}
