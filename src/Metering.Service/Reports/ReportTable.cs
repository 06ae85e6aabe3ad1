using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Spreadsheets;

namespace Metering.Service.Reports;

/// <summary>A report as a table, whatever format it is given out in. Values as <see cref="Sheet"/> and <see cref="CsvAnswer"/> take them; an <see cref="Amount"/> keeps all its digits but in a workbook, whose numbers have fifteen.</summary>
internal sealed record ReportTable(string Name, IReadOnlyList<Sheet.Column> Columns, IAsyncEnumerable<IReadOnlyList<object?>> Rows, string? NextCursor = null)
{
    /// <summary>Rows of one sheet beside its header (Excel's own bound).</summary>
    public const int MaxSheetRows = 1_048_575;

    /// <summary>What reports can be given out as.</summary>
    public static readonly IReadOnlyList<string> Formats = ["csv", "json", "xlsx"];

    /// <summary>Writes all rows. Throws <see cref="RuleBrokenException"/> when they do not fit a sheet.</summary>
    public async Task WriteAsync(Stream to, string format, CancellationToken cancel)
    {
        switch (format)
        {
            case "xlsx":
                await to.WriteAsync(await WorkbookAsync(cancel), cancel);
                break;
            case "json":
                await JsonAsync(to, cancel);
                break;
            default:
                await CsvAnswer.WriteAsync(to, [.. Columns.Select(column => column.Name)], Rows, cancel);
                break;
        }
    }

    private async Task<byte[]> WorkbookAsync(CancellationToken cancel)
    {
        var rows = new List<IReadOnlyList<object?>>();
        await foreach (var row in Rows.WithCancellation(cancel))
        {
            if (rows.Count == MaxSheetRows) throw new RuleBrokenException([new Fault("format", $"xlsx has at most {MaxSheetRows} rows; take csv, or a shorter range.")]);
            rows.Add([.. row.Select(value => value is Amount amount ? amount.ToNearest() : value)]);
        }

        return Workbook.Write(new Sheet(Name, Columns, rows));
    }

    private async Task JsonAsync(Stream to, CancellationToken cancel)
    {
        await using var json = new Utf8JsonWriter(to);
        json.WriteStartArray();
        await foreach (var row in Rows.WithCancellation(cancel))
        {
            json.WriteStartObject();
            for (var i = 0; i < row.Count; i++)
            {
                if (row[i] is null) continue;
                json.WritePropertyName(Columns[i].Name);
                JsonSerializer.Serialize(json, row[i], row[i]!.GetType());
            }

            json.WriteEndObject();
            if (json.BytesPending > 65_536) await json.FlushAsync(cancel);
        }

        json.WriteEndArray();
    }
}
