using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Metering.Cli.Client;
using Metering.Cli.Verification;
using Metering.Safety;
using Metering.Service.Ingest;
using Metering.Service.Verification;

namespace Metering.Cli.Commands;

/// <summary><c>metering verify</c>: the ledger recomputed from the stored batches. Exit 0 all adds up, 1 it does not, 3 it could not be looked at.</summary>
internal static class VerifyCommand
{
    private const int CouldNotLook = 3;

    public static Command Create()
    {
        var (url, key, data, format) = (CommonOptions.Url(), CommonOptions.Key(), CommonOptions.Data(), CommonOptions.TableOrJson());
        data.Description = "The data directory; given without --url, its ledger is opened directly, with or without a running service";
        var command = new Command("verify", "Recomputes receipts, readings, usage and coverage from the stored batch bytes, and the sums that reports are made of, charges, invoices and manifests of the closed months from those. Exit 1 and the first discrepancy, with table and key, if anything does not add up; exit 3 if it could not look.") { url, key, data, format };
        command.SetAction(async (parsed, cancel) =>
        {
            var direct = parsed.GetResult(data) is { Implicit: false } && parsed.GetValue(url) is null && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("METERING_URL"));
            try
            {
                if (direct) return await ShowAsync(VerifySource.OfLedgerAsync(parsed.GetValue(data)!, cancel), parsed.GetValue(format) == "json");
                using var client = ApiClient.Create(parsed.GetValue(url), parsed.GetValue(key), parsed.GetValue(data)!);
                return await ShowAsync(VerifySource.OfServiceAsync(client, cancel), parsed.GetValue(format) == "json");
            }
            catch (UserErrorException e) when (e.ExitCode != 2)
            {
                throw new UserErrorException(e.Message, CouldNotLook, e);
            }
            catch (Exception e) when (e is IOException or HttpRequestException or JsonException or LedgerUnavailableException or System.Data.Common.DbException or InvalidCastException or FormatException or OverflowException)
            {
                throw new UserErrorException($"The ledger could not be verified ({Tables.Inert(e.Message.TrimEnd('.'))}); it may be damaged, of an older version, or the service was stopped.", CouldNotLook, e);
            }
        });
        return command;
    }

    private static async Task<int> ShowAsync(IAsyncEnumerable<VerifyEvent> events, bool json)
    {
        var progress = ProgressLine.ForPeople(!json);
        var (notes, faults) = (new List<object>(), new List<object>());
        VerifySummary? summary = null;
        await foreach (var one in events)
        {
            progress.Show(one.Check, one.Seen, one.Total);
            summary = one.Done ?? summary;
            if (one.Note is { } note)
            {
                progress.Clear();
                notes.Add(new { one.Check, note });
                if (!json) Console.Out.WriteLine($"{one.Check}: {Tables.Inert(note)}");
            }

            if (one.Discrepancy is { } fault)
            {
                progress.Clear();
                faults.Add(new { one.Check, fault.Table, fault.Key, fault.Detail });
                if (!json) Console.Out.WriteLine($"{one.Check}: table {fault.Table}, {Tables.Inert(fault.Key)}: {Tables.Inert(fault.Detail)}");
            }
        }

        progress.Clear();
        if (summary is null) throw new UserErrorException("The verification was cut off before its end; look at the service's log.", CouldNotLook);
        if (json) Console.Out.WriteLine(JsonSerializer.Serialize(new { summary.Ok, summary.Batches, summary.Records, summary.Rows, summary.First, discrepancies = faults, notes }, CliJson.Indented));
        else Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{summary.Batches:#,##0} batches, {summary.Records:#,##0} records, {summary.Rows:#,##0} rows of usage: ") +
            (summary.Ok ? Tint.Paint("green", "everything adds up.") : Tint.Paint("red", $"{summary.Discrepancies} discrepancies, the first in table {summary.First!.Table}, {Tables.Inert(summary.First.Key)}.")));
        return summary.Ok ? 0 : 1;
    }
}
