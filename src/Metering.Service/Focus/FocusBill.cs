using System.Globalization;
using Metering.Service.Billing;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Focus;

/// <summary>
/// A document as an export shows it: which entry of the invoice details each row belongs to, what is taken off by contract, and which charges a commitment covers: usage in the order of the document's lines, then what is bought by the month.
/// First all charges are counted, then it is planned, then rows are written. Draft documents have no number, so their rows have no invoice yet.
/// </summary>
internal sealed class FocusBill
{
    private readonly record struct Key(string Sku, string Book, int Version, int Tier, long Price);

    private readonly Dictionary<Key, FocusGroup> _groups = [];
    private readonly Dictionary<(Key Key, long? Terms), FocusLine> _lines = [];
    private readonly HashSet<int> _taken = [];
    private readonly Contract? _contract;
    private int _numbers;
    private byte[]? _issuer;

    public FocusBill(FocusAccount account, string currency, string origin, bool isCorrection, InvoiceDocument? document, Contract? contract)
    {
        (Account, Origin, IsCorrection, Document, _contract) = (account, origin, isCorrection, document, contract);
        (Currency, Digits) = (FocusCsv.Field(currency), Tenants.Currency.TryDigits(currency, out var digits) ? digits : 2);
        InvoiceId = FocusCsv.Field(document?.Id);
        _numbers = document?.Lines.Count ?? 0;
        for (var i = 0; i < document?.Lines.Count; i++)
        {
            var line = document.Lines[i];
            if (line.Kind is not ("usage" or "allocation") || line.UnitPrice is not { } price) continue;
            _taken.Add(i);
            _groups[new Key(line.Text, line.Book ?? "", line.Version ?? 0, line.Tier ?? 0, (long)(price * PriceLine.PriceScale))] = Group(i, line);
        }

        for (var i = 0; i < document?.Lines.Count; i++) Discount(i, document.Lines[i]);
    }

    public FocusAccount Account { get; }

    public byte[] Currency { get; }

    public int Digits { get; }

    public string Origin { get; }

    /// <summary>Of a period that was closed before.</summary>
    public bool IsCorrection { get; }

    public InvoiceDocument? Document { get; }

    public byte[] InvoiceId { get; }

    public bool HasCommitment => Document?.Lines.Any(line => line.Kind == "commitmentUsed") == true;

    public IEnumerable<FocusGroup> Groups => _groups.Values.OrderBy(group => group.Number);

    public List<FocusCommitment> Commitments { get; } = [];

    /// <summary>Who issues it.</summary>
    public byte[] Issuer(FocusOptions options) => _issuer ??= FocusCsv.Field(IssuerName(options));

    public string IssuerName(FocusOptions options) => Document?.Seller?.Name is { Length: > 0 } name ? name : options.InvoiceIssuerName;

    /// <summary>Lines that are no sum of rows, with the entry that each is.</summary>
    public IEnumerable<(InvoiceLine Line, FocusGroup Group)> Others()
    {
        for (var i = 0; i < Document?.Lines.Count; i++)
        {
            if (!_taken.Contains(i) && Document.Lines[i].Kind != "adjustment") yield return (Document.Lines[i], Group(i, Document.Lines[i]));
        }
    }

    /// <summary>The rows of a price under some terms.</summary>
    public FocusLine Line(string sku, string book, int version, int tier, long price, long? termsFrom)
    {
        var key = new Key(sku, book, version, tier, price);
        if (_lines.TryGetValue((key, termsFrom), out var known)) return known;
        if (!_groups.TryGetValue(key, out var group)) _groups[key] = group = new FocusGroup { Number = ++_numbers, DetailId = DetailId(_numbers), Text = sku };
        var discount = termsFrom is { } from && _contract?.Terms.FirstOrDefault(terms => terms.FromSeconds == from)?.Discount is { } percent ? ContractTerms.Contracted(price, percent) - price : 0;
        return _lines[(key, termsFrom)] = new FocusLine(group, price, price + (group.Discounts.Contains(discount) ? discount : 0));
    }

    /// <summary>True when terms of the contract begin or end within the day: each then has rows of its own part of it.</summary>
    public bool IsCut(long dayStart, long dayEnd)
    {
        foreach (var terms in _contract?.Terms ?? [])
        {
            if ((terms.FromSeconds > dayStart && terms.FromSeconds < dayEnd) || (terms.ToSeconds > dayStart && terms.ToSeconds < dayEnd)) return true;
        }

        return false;
    }

    public void Count(ChargeEntry charge)
    {
        var line = Line(charge.Sku, charge.Book, charge.Version, charge.Tier, charge.Price, charge.TermsFrom);
        line.Net += Amount.Of(charge.Nano, line.ContractedPrice);
    }

    /// <summary>Decides what commitments cover, when all charges are counted.</summary>
    public void Plan()
    {
        if (Document is null) return;
        if (IsCorrection)
        {
            if (Document.Lines.Any(line => line.Kind.StartsWith("commitment", StringComparison.Ordinal))) Commitments.Add(Corrected());
            return;
        }

        var terms = (_contract?.Terms ?? []).Where(one => one.Commitment > 0 && one.FromSeconds < Account.End && one.ToSeconds > Account.Start).ToList();
        var bought = Document.Lines.Count(line => line.Kind == "commitmentPurchase");
        for (var i = 0; i < Document.Lines.Count; i++)
        {
            var line = Document.Lines[i];
            if (line.Kind == "commitmentPurchase")
            {
                var from = terms.Count == bought ? terms[Commitments.Count].FromSeconds : (long?)null;
                var suffix = from?.ToString(CultureInfo.InvariantCulture) ?? string.Create(CultureInfo.InvariantCulture, $"{Document.Origin}-{Commitments.Count + 1}");
                Commitments.Add(new FocusCommitment(CommitmentId(suffix), from, line.Cost));
            }
            else if (line.Kind == "commitmentUsed" && Commitments.Count > 0 && Cover(Commitments[^1], line))
            {
                _taken.Add(i);
            }
        }
    }

    // A note changes the commitment of its period as a whole, also where several terms had one: lines with the same text are one there.
    private FocusCommitment Corrected()
    {
        var (start, end) = Tenants.BillingPeriod.TryParse(Origin, out var origin) ? Account.BoundsOf(origin) : (Account.Start, Account.End);
        var terms = (_contract?.Terms ?? []).Where(one => one.Commitment > 0 && one.FromSeconds < end && one.ToSeconds > start).ToList();
        return new FocusCommitment(CommitmentId(terms.Count == 1 ? terms[0].FromSeconds.ToString(CultureInfo.InvariantCulture) : Origin), null, Amount.Zero);
    }

    private string CommitmentId(string suffix) => $"urn:metering:account:{Account.Tenant}:commitment:{suffix}";

    private bool Cover(FocusCommitment commitment, InvoiceLine used)
    {
        commitment.Used = -used.Cost;
        if (commitment.TermsFrom is not { } from) return false;
        var lines = _lines.Where(pair => pair.Key.Terms == from).Select(pair => (Line: pair.Value, IsBought: pair.Key.Key.Sku == PricingUnit.Months.Name)).OrderBy(one => one.IsBought).ThenBy(one => one.Line.Group.Number).ToList();
        var net = lines.Aggregate(Amount.Zero, (sum, one) => sum + one.Line.Net);
        if (FocusLine.Clamp(net, Amount.Zero, commitment.Bought) != commitment.Used || commitment.Used.Round(Digits) != -Amount.FromDecimal(used.Amount)) return false;
        var (sum, covered) = (Amount.Zero, Amount.Zero);
        foreach (var (line, isBought) in lines)
        {
            sum += line.Net;
            var until = FocusLine.Clamp(sum, Amount.Zero, commitment.Bought);
            if (!isBought) (line.Commitment, line.Limit) = (commitment, until - covered);
            else if (until != covered) line.Group.Apart.Add((commitment, until - covered));
            line.Group.Target -= until.Round(Digits) - covered.Round(Digits);
            covered = until;
        }

        return commitment.IsByRow = true;
    }

    private FocusGroup Group(int index, InvoiceLine line) =>
        new() { Number = index + 1, DetailId = DetailId(index + 1), Text = line.Text, Cost = line.Cost, Target = Amount.FromDecimal(line.Amount) };

    private byte[] DetailId(int number) => Document is { Id.Length: > 0 } ? FocusCsv.Field(string.Create(CultureInfo.InvariantCulture, $"{Document.Id}-{number:D3}")) : [];

    // A discount belongs to the line that it is on; one that finds no line is a row of its own.
    private void Discount(int index, InvoiceLine line)
    {
        if (line.Kind != "discount" || line.UnitPrice is not { } price) return;
        foreach (var (key, group) in _groups)
        {
            if (key.Book != line.Book || key.Version != line.Version || key.Tier != line.Tier || !line.Text.EndsWith(" on " + key.Sku, StringComparison.Ordinal)) continue;
            _taken.Add(index);
            group.Discounts.Add((long)(price * PriceLine.PriceScale));
            group.Cost += line.Cost;
            group.Target += Amount.FromDecimal(line.Amount);
            return;
        }
    }
}
