using System.Globalization;
using System.Text;
using Metering.Service.Tenants;

namespace Metering.Service.Focus;

/// <summary>A rule at work on one file: where its columns are, and what it has found. State: counts, and for rules over the file an entry for each key.</summary>
internal sealed class FocusRuleRun
{
    private readonly FocusRule _rule;
    private readonly int[] _arguments;
    private readonly (int Column, bool Is, byte[][] Values)[] _when;
    private readonly byte[][] _values;
    private readonly FocusNumber[] _numbers;
    private readonly FocusType _type;
    private readonly Dictionary<byte[], FocusSlots> _slots = new(FocusKeys.Comparer);
    private readonly Dictionary<byte[], FocusSlots>.AlternateLookup<ReadOnlySpan<byte>> _find;
    private readonly HashSet<byte[]> _right = new(FocusKeys.Comparer);
    private readonly HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> _isRight;
    private byte[] _key = new byte[1024];
    private long _checked, _violations;
    private string? _first;
    private bool _isUndecided;

    /// <summary>Texts that were found right are remembered, this many: units, currencies and tags come again.</summary>
    private const int MaxRemembered = 10_000;

    public FocusRuleRun(FocusRule rule, List<string> header)
    {
        _rule = rule;
        Column = header.IndexOf(rule.Column);
        _arguments = rule.Test is FocusTest.In or FocusTest.NotIn ? [] : Array.ConvertAll(rule.Arguments, header.IndexOf);
        _when = [.. rule.When.Select(one => (header.IndexOf(one.Column), one.Is, Array.ConvertAll(one.Values, Encoding.UTF8.GetBytes)))];
        _type = rule.Dataset.Columns.FirstOrDefault(column => column.Name == rule.Column)?.Type ?? FocusType.Text;
        _values = rule.Test is FocusTest.In or FocusTest.NotIn ? Array.ConvertAll(rule.Arguments, Encoding.UTF8.GetBytes) : [];
        _numbers = _type == FocusType.Decimal ? [.. _values.Select(value => FocusNumber.TryParse(value, out var number) ? number : default)] : [];
        (_find, _isRight) = (_slots.GetAlternateLookup<ReadOnlySpan<byte>>(), _right.GetAlternateLookup<ReadOnlySpan<byte>>());
    }

    public int Column { get; }

    public FocusTest Test => _rule.Test;

    public static FocusRuleRun Decided(FocusRule rule, string? fault)
    {
        var run = new FocusRuleRun(rule, []) { _checked = 1 };
        if (fault is not null) (run._violations, run._first) = (1, fault);
        return run;
    }

    /// <summary>True when no column that it looks at is wrong in itself.</summary>
    public bool IsUntouched(bool[] faulty)
    {
        if (faulty[Column]) return false;
        foreach (var argument in _arguments)
        {
            if (argument >= 0 && faulty[argument]) return false;
        }

        foreach (var (column, _, _) in _when)
        {
            if (faulty[column]) return false;
        }

        return true;
    }

    /// <summary>A row is left out: what is only decided over all rows is not.</summary>
    public void Skip() => _isUndecided = _rule.IsOverFile;

    /// <summary>False, and counted, when the row breaks it.</summary>
    public bool Check(FocusCells cells, long row)
    {
        _checked++;
        if (Holds(cells)) return true;
        Violated(row, cells[Column]);
        return false;
    }

    public void Add(FocusCells cells, long row, FocusTallies tallies)
    {
        foreach (var (column, isOf, values) in _when)
        {
            if (IsAny(cells[column], values) != isOf) return;
        }

        if (!_rule.IsOverFile)
        {
            Check(cells, row);
            return;
        }

        _checked++;
        Count(cells, row, tallies);
    }

    public void Finish(FocusTallies tallies)
    {
        if (_isUndecided) return;
        switch (_rule.Test)
        {
            case FocusTest.SumInMinorUnits:
                foreach (var slot in _slots.Values)
                {
                    var digits = Currency.TryDigits(Encoding.UTF8.GetString(slot.Value!), out var known) ? known : 2;
                    if (slot.Sum % FocusNumber.Tens[19 - digits] != 0) Violated(slot.Row, Text(slot.Sum));
                }

                break;
            case FocusTest.CommitmentUsedUp:
                foreach (var slot in _slots.Values.Where(slot => slot.Sum != slot.Other)) Violated(slot.Row, $"{Text(slot.Sum)} used of {Text(slot.Other)}");
                break;
            case FocusTest.SumOfDetails when tallies.Details is { } details:
                foreach (var (key, slot) in _slots)
                {
                    var names = Encoding.UTF8.GetString(key).Split('\u001f');
                    details.Remove((names[0], names[1]), out var billed);
                    if (slot.Sum != billed) Violated(slot.Row, $"{Text(slot.Sum)}, the entry has {Text(billed)}");
                }

                foreach (var ((invoice, detail), billed) in details.Where(pair => pair.Value != 0)) Violated(0, $"no rows, the entry {invoice} {detail} has {Text(billed)}");
                break;
        }
    }

    public FocusFinding Finding() => new(_rule.Id, _rule.Dataset.Id, _rule.Column, _rule.Statement, _checked, _violations, _first);

    private bool Holds(FocusCells cells)
    {
        var value = cells[Column];
        switch (_rule.Test)
        {
            case FocusTest.NotNull: return !value.IsEmpty;
            case FocusTest.Null: return value.IsEmpty;
            case FocusTest.In: return value.IsEmpty || (_type == FocusType.Decimal ? IsNumber(value) : IsAny(value, _values));
            case FocusTest.NotIn: return !IsAny(value, _values);
            case FocusTest.NullWith: return value.IsEmpty == cells.IsNull(_arguments[0]);
            case FocusTest.Same: return _type == FocusType.Decimal ? Number(value).Is(Number(cells[_arguments[0]])) : value.SequenceEqual(cells[_arguments[0]]);
            case FocusTest.Different: return !value.SequenceEqual(cells[_arguments[0]]);
            case FocusTest.After: return value.SequenceCompareTo(cells[_arguments[0]]) > 0;
            case FocusTest.NotBefore: return value.SequenceCompareTo(cells[_arguments[0]]) >= 0;
            case FocusTest.NotAfter: return value.SequenceCompareTo(cells[_arguments[0]]) <= 0;
            case FocusTest.NotNegative: return value[0] != '-';
            case FocusTest.Product: return Number(value).IsProduct(Number(cells[_arguments[0]]), Number(cells[_arguments[1]]));
            case FocusTest.Format when _type is FocusType.Decimal or FocusType.Time: return value.IsEmpty || FocusFormats.IsOf(_type, value);
            default: return value.IsEmpty || Remembered(value);
        }
    }

    private bool Remembered(ReadOnlySpan<byte> value)
    {
        if (_isRight.Contains(value)) return true;
        var holds = _rule.Test switch
        {
            FocusTest.Format => FocusFormats.IsOf(_type, value),
            FocusTest.Currency => FocusFormats.IsCurrency(Encoding.UTF8.GetString(value)),
            FocusTest.Unit => FocusFormats.IsUnit(Encoding.UTF8.GetString(value)),
            FocusTest.Flat => FocusFormats.IsFlat(value),
            FocusTest.Keys => FocusFormats.HasKeys(value),
            _ => throw new ArgumentOutOfRangeException(nameof(value), _rule.Test, "No such test of a value."),
        };
        if (holds && _right.Count < MaxRemembered) _isRight.Add(value);
        return holds;
    }

    private void Count(FocusCells cells, long row, FocusTallies tallies)
    {
        switch (_rule.Test)
        {
            case FocusTest.OneFor:
                var one = Slot(cells, _arguments, row);
                if (one.Value is null) one.Value = cells[Column].ToArray();
                else if (!cells[Column].SequenceEqual(one.Value)) Violated(row, cells[Column]);
                break;
            case FocusTest.Unique:
                if (Slot(cells, _arguments, row).Row != row) Violated(row, cells[Column]);
                Remember(cells, tallies);
                break;
            case FocusTest.SumInMinorUnits:
                var sum = Slot(cells, _arguments.AsSpan(0, 1), row);
                (sum.Sum, sum.Value) = (sum.Sum + Number(cells[Column]).AtNineteen, sum.Value ?? cells[_arguments[1]].ToArray());
                Remember(cells, tallies);
                break;
            case FocusTest.SumOfDetails:
                Slot(cells, _arguments, row).Sum += Number(cells[Column]).AtNineteen;
                break;
            case FocusTest.CommitmentUsedUp:
                var commitment = Slot(cells, _arguments.AsSpan(1, 1), row);
                if (cells[_arguments[2]].SequenceEqual("Usage"u8)) commitment.Sum += Number(cells[Column]).AtNineteen;
                else if (cells[_arguments[2]].SequenceEqual("Purchase"u8)) commitment.Other += Number(cells[_arguments[0]]).AtNineteen;
                break;
            case FocusTest.NoOverlap:
                if (FocusFormats.TryTime(cells[_arguments[0]], out var start) && FocusFormats.TryTime(cells[_arguments[1]], out var end) && !Slot(cells, _arguments.AsSpan(2), row).Take(start, end)) Violated(row, cells[Column]);
                break;
            case FocusTest.PeriodListed:
                if (tallies.Periods is { } periods && Slot(cells, _arguments, row) is { Value: null } listed)
                {
                    listed.Value = [];
                    if (!periods.Contains((Encoding.UTF8.GetString(cells[_arguments[0]]), Encoding.UTF8.GetString(cells[_arguments[1]])))) Violated(row, cells[Column]);
                }

                break;
        }
    }

    // What later datasets are held against.
    private void Remember(FocusCells cells, FocusTallies tallies)
    {
        if (_rule.Dataset == FocusDataset.InvoiceDetails && _arguments.Length == 3 && tallies.Details is { } details)
        {
            var key = (Encoding.UTF8.GetString(cells[_arguments[0]]), Encoding.UTF8.GetString(cells[_arguments[2]]));
            details[key] = details.GetValueOrDefault(key) + Number(cells[Column]).AtNineteen;
        }

        if (_rule.Dataset == FocusDataset.BillingPeriods) (tallies.Periods ??= []).Add((Encoding.UTF8.GetString(cells[_arguments[0]]), Encoding.UTF8.GetString(cells[_arguments[1]])));
    }

    private FocusSlots Slot(FocusCells cells, ReadOnlySpan<int> columns, long row)
    {
        var length = 0;
        foreach (var column in columns)
        {
            var part = cells[column];
            if (length + part.Length + 1 > _key.Length) Array.Resize(ref _key, (length + part.Length + 1) * 2);
            part.CopyTo(_key.AsSpan(length));
            length += part.Length;
            _key[length++] = 0x1f;
        }

        var key = _key.AsSpan(0, length);
        if (!_find.TryGetValue(key, out var slot)) _find[key] = slot = new FocusSlots { Row = row };
        return slot;
    }

    private void Violated(long row, ReadOnlySpan<byte> value) => Violated(row, value.IsEmpty ? "null" : Encoding.UTF8.GetString(value.Length > 200 ? value[..200] : value));

    private void Violated(long row, string value)
    {
        _violations++;
        _first ??= string.Create(CultureInfo.InvariantCulture, $"row {row}: {value}");
    }

    private bool IsNumber(ReadOnlySpan<byte> value)
    {
        var number = Number(value);
        return Array.Exists(_numbers, number.Is);
    }

    private static FocusNumber Number(ReadOnlySpan<byte> text) => FocusNumber.TryParse(text, out var number) ? number : default;

    private static string Text(Int128 atNineteen) => new Rating.Amount(atNineteen).ToString();

    private static bool IsAny(ReadOnlySpan<byte> value, byte[][] values)
    {
        foreach (var one in values)
        {
            if (value.SequenceEqual(one)) return true;
        }

        return false;
    }
}
