using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;

namespace Metering.Cli.Commands;

/// <summary><c>metering quarantine</c>: batches that the ledger could not take, and taking them when it can.</summary>
internal static class QuarantineCommand
{
    private static readonly string[] Header = ["receivedAt", "host", "sequence", "waiting", "reason"];

    public static Command Create() => new("quarantine", "Batches that were kept aside for their content.") { List(), Replay() };

    private static Command List()
    {
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.Format());
        var command = new Command("list", "Lists them with the reason; what waits is looked at again by 'replay'.") { url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            var batches = new List<JsonElement>();
            for (var cursor = ""; cursor is not null;)
            {
                var page = await client.GetAsync("v1/quarantine?limit=10000" + (cursor.Length > 0 ? "&cursor=" + cursor : ""), cancel);
                batches.AddRange(page.GetProperty("batches").EnumerateArray());
                cursor = page.GetProperty("nextCursor").GetString();
            }

            var rows = batches.Select(one => (IReadOnlyList<string>)[.. Header.Select(name => Tables.Text(one, name))]);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(batches, CliJson.Indented));
            else if (parsed.GetValue(format) == "csv") Tables.WriteCsv(Header, rows);
            else Tables.Write(Header, rows);
            return 0;
        });
        return command;
    }

    private static Command Replay()
    {
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        var command = new Command("replay", "Judges them anew, as after an upgrade, and bills what is good now; the rest stays.") { url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
            var answer = await client.JsonAsync(HttpMethod.Post, "v1/quarantine/replay", null, cancel);
            if (parsed.GetValue(format) == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
            else Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{answer.GetProperty("taken").GetInt64():#,##0} batches are billed now, {answer.GetProperty("kept").GetInt64():#,##0} stay in quarantine."));
            return 0;
        });
        return command;
    }
}
