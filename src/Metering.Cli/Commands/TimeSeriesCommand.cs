using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Safety;
using Metering.Service.TimeSeries;

namespace Metering.Cli.Commands;

/// <summary><c>metering timeseries</c>: how far the time series are behind the ledger, what the server refused, and writing a span again.</summary>
internal static class TimeSeriesCommand
{
    public static Command Create() => new("timeseries", "The copy of the usage in InfluxDB or VictoriaMetrics (TimeSeries:Url).") { Status(), Parked(), Rebuild() };

    private static Command Status()
    {
        var command = Part("status", "Shows how far the series are behind the ledger, and what keeps them.", out var open);
        var format = CommonOptions.TableOrJson();
        command.Options.Add(format);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = open(parsed);
            var answer = await client.GetAsync("v1/time-series", cancel);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else Tables.WriteFacts(Console.Out, answer.EnumerateObject().Select(fact => (fact.Name, Tables.Text(fact.Value))));
            return 0;
        });
        return command;
    }

    private static Command Parked()
    {
        var command = Part("parked", "Lists points that the server refused, with its reason.", out var open);
        var format = CommonOptions.Format();
        var clear = new Option<bool>("--clear") { Description = "Forgets them; the ledger has their usage" };
        foreach (var option in (Option[])[format, clear]) command.Options.Add(option);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = open(parsed);
            if (parsed.GetValue(clear))
            {
                await client.JsonAsync(HttpMethod.Delete, "v1/time-series/parked", null, cancel);
                return 0;
            }

            var answer = await client.GetAsync("v1/time-series/parked?limit=10000", cancel);
            string[] header = ["at", "reason", "line"];
            var rows = answer.GetProperty("lines").EnumerateArray().Select(line => (IReadOnlyList<string>)[.. header.Select(name => Tables.Text(line, name))]);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(header, rows);
            else Tables.Write(header, rows);
            return 0;
        });
        return command;
    }

    private static Command Rebuild()
    {
        var command = Part("rebuild", "Writes the points of a span again, from the batches that the ledger keeps; what is there already is written over.", out var open);
        var from = new Option<string?>("--from") { Description = "RFC 3339, a date, a month or a span back from now such as 7d; default the first usage", HelpName = "TIME" };
        var to = new Option<string?>("--to") { Description = "The same, exclusive; default now", HelpName = "TIME" };
        foreach (var option in (Option[])[from, to]) command.Options.Add(option);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = open(parsed);
            return await RebuildAsync(client, parsed.GetValue(from), parsed.GetValue(to), cancel);
        });
        return command;
    }

    private static async Task<int> RebuildAsync(ApiClient client, string? from, string? to, CancellationToken cancel)
    {
        var query = string.Join('&', new[] { ("from", from), ("to", to) }.Where(part => part.Item2 is not null).Select(part => $"{part.Item1}={Uri.EscapeDataString(part.Item2!)}"));
        using var response = await client.StreamAsync("v1/time-series/rebuild" + (query.Length > 0 ? "?" + query : ""), cancel, HttpMethod.Post);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancel));
        var progress = ProgressLine.ForPeople();
        RebuildEvent? last = null;
        var told = "";
        try
        {
            while (await reader.ReadLineAsync(cancel) is { } line)
            {
                if (line.Length == 0 || JsonSerializer.Deserialize<RebuildEvent>(line, CliJson.Compact) is not { } one) continue;
                last = one;
                progress.Show("rebuild", one.Batches, one.Total);
                if (one.Waits is not { } waits || waits == told) continue;
                progress.Clear();
                Console.Error.WriteLine("It waits: " + Tables.Inert(told = waits));
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new UserErrorException("The service ended before the rebuild did; run it again, what is written is written over.", inner: e);
        }

        progress.Clear();
        if (last is not { Done: true }) throw new UserErrorException("The rebuild was cut off before its end; look at the service's log and run it again.");
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{last.Batches:#,##0} batches, {last.Points:#,##0} points written.") +
            (last.Parked > 0 ? string.Create(CultureInfo.InvariantCulture, $" {last.Parked:#,##0} were refused; see 'metering timeseries parked'.") : "") +
            (last.Expired > 0 ? string.Create(CultureInfo.InvariantCulture, $" Of {last.Expired:#,##0} batches the bytes are no longer kept (Retention:Batches).") : ""));
        return last.Parked > 0 ? 1 : 0;
    }

    private static Command Part(string name, string description, out Func<ParseResult, ApiClient> open)
    {
        var (url, key, data) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data());
        open = parsed => ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
        return new Command(name, description) { url, key, data };
    }
}
