using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Resources;

/// <summary>Shows what the prices of a file would have cost each tenant; the service changes nothing.</summary>
internal sealed class PriceDryRun(ApiClient client, Applier applier)
{
    public async Task RunAsync(string file, int periods, string format, CancellationToken cancel)
    {
        var (documents, lines) = await applier.ReadAsync(file, cancel);
        if (documents.Count == 0) throw new UserErrorException($"{file} has no versions.");
        var book = documents[0].Path.Split('/')[2];
        var draft = new JsonObject { ["versions"] = new JsonArray([.. documents.Select(document => document.Body)]) };
        var (answer, refused) = await client.OfferAsync(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"v1/price-books/{book}/dry-run?periods={periods}"), draft.ToJsonString(), cancel);
        if (refused.Count > 0) throw Applier.Faulty(file, [.. refused.Select(fault => lines.Place(file, fault.Field, fault.Text))]);

        string[] columns = ["tenant", "period", "currency", "current", "draft", "difference"];
        var rows = answer.GetProperty("rows").EnumerateArray().Select(row => (IReadOnlyList<string>)Array.ConvertAll(columns, name => Tables.Text(row, name))).ToList();
        if (format == "json") Console.Out.WriteLine(JsonSerializer.Serialize(answer, CliJson.Indented));
        else if (format == "csv") Tables.WriteCsv(columns, rows);
        else if (rows.Count == 0) Console.Out.WriteLine($"No tenant has the price book '{Tables.Inert(Uri.UnescapeDataString(book))}'; nothing would change.");
        else Tables.Write(columns, rows, new HashSet<int> { 3, 4, 5 });
    }
}
