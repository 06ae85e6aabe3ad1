namespace Metering.Service.Quotas;

/// <summary>
/// Where figures are on SQLite, as far as the owner knows: a row is found by its id in a third of the time that its key takes. A row that is gone has an id that no other gets;
/// one whose transaction was rolled back has not, so then all is forgotten.
/// </summary>
internal sealed class QuotaRowIds
{
    /// <summary>Minutes and buckets make new rows without end.</summary>
    private const int MaxKnown = 200_000;

    private readonly Dictionary<QuotaKey, long> _ids = [];

    public bool TryGet(QuotaKey key, out long id) => _ids.TryGetValue(key, out id);

    public void Set(QuotaKey key, long id)
    {
        if (_ids.Count >= MaxKnown) _ids.Clear();
        _ids[key] = id;
    }

    /// <summary>The same on PostgreSQL.</summary>
    public QuotaFigureIds Figures { get; } = new();

    public void Forget()
    {
        _ids.Clear();
        Figures.Forget();
    }
}
