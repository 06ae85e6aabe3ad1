using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Service.Billing;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Verification.Checks;

/// <summary>
/// Documents have gapless numbers and the bytes that they were issued with; their lines of usage are the sums of the charges, line by line; Σ amounts = total; and no charge is without a document.
/// </summary>
internal sealed class InvoiceCheck : IVerifyCheck
{
    private readonly record struct Of(string Origin, string Tenant, string Currency, string Cause);

    public string Name => "invoices";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, run.Store.IsPostgres, cancel);
        var documents = new List<InvoiceDocument>();
        var events = new List<Discrepancy>();
        await using (var command = VerifyRun.Command(connection, "SELECT number, json, hash, period, origin, tenant, currency, total FROM invoice ORDER BY number"))
        {
            command.Transaction = snapshot;
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var (number, json) = (rows.GetInt64(0), rows.GetString(1));
                var key = $"number={number}";
                if (number != documents.Count + 1 && events.Count == 0) events.Add(new Discrepancy("invoice", $"number={documents.Count + 1}", "it is missing; numbers have no gaps"));
                if (PeriodManifest.Hash(json) != rows.GetString(2)) events.Add(new Discrepancy("invoice", key, $"its document hashes to {PeriodManifest.Hash(json)}, issued was {rows.GetString(2)}"));
                var document = InvoiceDocument.Read(json);
                documents.Add(document);
                if ((document.Number, document.Period, document.Origin, document.Tenant.Id, document.Currency, document.Total.ToString(CultureInfo.InvariantCulture)) !=
                    (number, rows.GetString(3), rows.GetString(4), rows.GetString(5), rows.GetString(6), rows.GetString(7))) events.Add(new Discrepancy("invoice", key, "its columns are not what its document says"));
                if (document.Lines.Sum(line => line.Amount) != document.Total) events.Add(new Discrepancy("invoice", key, $"its lines add up to {document.Lines.Sum(line => line.Amount)}, its total is {document.Total}"));
            }
        }

        await using (var command = VerifyRun.Command(connection, "SELECT MIN(i.number) FROM invoice i LEFT JOIN voided v ON v.note = i.number WHERE i.cause LIKE 'void %' AND v.number IS NULL"))
        {
            command.Transaction = snapshot;
            if (await command.ExecuteScalarAsync(cancel) is { } note and not DBNull) events.Add(new Discrepancy("voided", $"note={note}", "it is missing; the note says that it takes an invoice back"));
        }

        events.AddRange(Taxes(documents));
        foreach (var fault in events) yield return new VerifyEvent(Name, documents.Count, documents.Count) { Discrepancy = fault };
        foreach (var period in documents.Select(document => document.Period).Concat((await InvoiceStore.PeriodsAsync(connection, cancel)).Select(one => one.Id)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            await foreach (var fault in CompareAsync(connection, period, documents.FindAll(document => document.Period == period), cancel))
                yield return new VerifyEvent(Name, documents.Count, documents.Count) { Discrepancy = fault };
        }

        yield return new VerifyEvent(Name, documents.Count, documents.Count);
    }

    // Over an invoice and its notes the tax is the rate on what was charged in all; on a note alone it is a difference.
    private static IEnumerable<Discrepancy> Taxes(IEnumerable<InvoiceDocument> documents)
    {
        foreach (var document in documents.GroupBy(one => (one.Origin, one.Tenant.Id, one.Currency)))
        {
            foreach (var tax in document.SelectMany(one => one.Lines).Where(line => line.Kind == "tax").GroupBy(line => (line.Text, line.TaxRate)))
            {
                var (on, amount) = (tax.Sum(line => line.TaxBase ?? 0), tax.Sum(line => line.Amount));
                var due = TaxLines.Of(Amount.FromDecimal(on), tax.Key.TaxRate ?? 0, Currency.TryDigits(document.Key.Currency, out var digits) ? digits : 2).ToDecimal();
                if (due != amount) yield return new Discrepancy("invoice", $"number={document.Last().Number} line={tax.Key.Text}", $"{tax.Key.TaxRate} % of {on} is {due} {document.Key.Currency}, the documents for {document.Key.Origin} have {amount}");
            }

            foreach (var one in document)
            {
                if (one.Net + one.Tax + one.Lines.Where(line => line.IsDraw).Sum(line => line.Amount) != one.Total) yield return new Discrepancy("invoice", $"number={one.Number}", $"net {one.Net}, tax {one.Tax} and what is drawn are not its total {one.Total}");
            }
        }
    }

    private static async IAsyncEnumerable<Discrepancy> CompareAsync(System.Data.Common.DbConnection connection, string period, List<InvoiceDocument> documents, [EnumeratorCancellation] CancellationToken cancel)
    {
        var sums = new Dictionary<(Of, string Sku, string Book, int Version, int Tier, decimal Price), Amount>();
        await foreach (var charge in ChargeStore.ReadAsync(connection, "period = @value", period, cancel))
        {
            var key = (new Of(charge.Origin, charge.Tenant, charge.Currency, charge.Cause), charge.Sku, charge.Book, charge.Version, charge.Tier, charge.UnitPrice);
            sums[key] = sums.GetValueOrDefault(key) + charge.Cost;
        }

        foreach (var document in documents)
        {
            var of = new Of(document.Origin, document.Tenant.Id, document.Currency, document.Cause);
            foreach (var line in document.Lines.Where(line => line.Kind is "usage" or "allocation" or "serviceCredit" && line.UnitPrice is not null))
            {
                sums.Remove((of, line.Text, line.Book!, line.Version!.Value, line.Tier!.Value, line.UnitPrice!.Value), out var charged);
                if (charged != line.Cost || Amount.Product(line.Quantity ?? 0, line.UnitPrice ?? 0) != line.Cost)
                    yield return new Discrepancy("invoice", $"number={document.Number} line={line.Text} tier={line.Tier}", $"{line.Quantity} × {line.UnitPrice} = {line.Cost} {document.Currency}, the charges add up to {charged}");
            }
        }

        foreach (var (key, charged) in sums)
        {
            if (charged != Amount.Zero) yield return new Discrepancy("charge", $"period={period} origin={key.Item1.Origin} tenant={key.Item1.Tenant} sku={key.Sku} tier={key.Tier}", $"{charged} {key.Item1.Currency} are charged, no document has them");
        }
    }
}
